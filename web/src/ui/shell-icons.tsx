import { icon } from "./icons";

export const GlobeIcon = icon(
  <path d="M3.500 12h17M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 0c2.500 2.600 3.600 5.600 3.600 9s-1.100 6.400-3.600 9c-2.500-2.600-3.600-5.600-3.600-9S9.500 5.600 12 3z" />,
);
export const SystemIcon = icon(<path d="M4 5h16v11H4zM9 20h6M12 16v4" />);
export const SunIcon = icon(
  <>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400" />
  </>,
);
export const MoonIcon = icon(
  <path d="M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z" />,
);
export const SlidersIcon = icon(
  <path d="M4 7h9M17 7h3M15 5v4M4 12h3M11 12h9M9 10v4M4 17h10M18 17h2M16 15v4" />,
);
export const GaugeIcon = icon(
  <path d="M4 17.500a8.500 8.500 0 1 1 16 0M12 14.500l4-4.500M12 14.500h.01" />,
);
export const ConsoleIcon = icon(
  <path d="M4 5h16v14H4zM4 9.500h16M7.500 13l2 1.700-2 1.800M12.500 16.500h4" />,
);
export const DownIcon = icon(<path d="m7 10 5 5 5-5" />);
export const SearchIcon = icon(
  <>
    <circle cx="11" cy="11" r="6.500" />
    <path d="m16 16 4.500 4.500" />
  </>,
);
export const GearIcon = icon(
  <>
    <circle cx="12" cy="12" r="3" />
    <path d="M12 2.800v2.700M12 18.500v2.700M2.800 12h2.700M18.500 12h2.700M5.500 5.500l1.900 1.900M16.600 16.600l1.900 1.900M5.500 18.500l1.900-1.900M16.600 7.400l1.900-1.900" />
  </>,
);
export const KickIcon = icon(
  <>
    <circle cx="10" cy="8" r="3.500" />
    <path d="M3.500 20a6.500 6.500 0 0 1 11-4.700M16 17l5 5M21 17l-5 5" />
  </>,
);
export const ShareIcon = icon(<path d="M12 15V4m-4 3.500L12 3.500l4 4M6 11H5v9.500h14V11h-1" />);
export const ChatIcon = icon(<path d="M4 5h16v11H11l-4.500 4v-4H4z" />);
export const ChatOffIcon = icon(<path d="M8.500 5H20v11h-.5M16 16h-5l-4.500 4v-4H4V5m0-1 16 16" />);
