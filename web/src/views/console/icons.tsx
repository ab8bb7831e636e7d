import { icon } from "../../ui/icons";

export const GaugeIcon = icon(<path d="M4 18a9 9 0 1 1 16 0M12 14l4-5M12 14h.01" />);
export const PulseIcon = icon(<path d="M3 12h4l2.500-7 5 14 2.500-7h4" />);
export const BanIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.500" />
    <path d="m6 6 12 12" />
  </>,
);
export const PhoneIcon = icon(
  <path d="M5 4h4l1.500 4.500L8 10a12 12 0 0 0 6 6l1.500-2.500L20 15v4a1.500 1.500 0 0 1-1.500 1.500A15 15 0 0 1 3.500 5.500 1.500 1.500 0 0 1 5 4z" />,
);
export const KeyIcon = icon(
  <>
    <circle cx="8" cy="15" r="4.500" />
    <path d="m11.500 11.500 8-8M16 7l3 3M13.500 9.500l2 2" />
  </>,
);
export const BoxIcon = icon(
  <path d="m12 3 8 4.500v9L12 21l-8-4.500v-9zM4 7.500l8 4.500 8-4.500M12 12v9" />,
);
export const ChipIcon = icon(
  <>
    <rect x="6" y="6" width="12" height="12" rx="2" />
    <path d="M10 3v3M14 3v3M10 18v3M14 18v3M3 10h3M3 14h3M18 10h3M18 14h3" />
  </>,
);
export const CodeIcon = icon(<path d="m8 7-5 5 5 5M16 7l5 5-5 5M13.500 4.500l-3 15" />);
export const CopyIcon = icon(
  <>
    <rect x="8.500" y="8.500" width="11" height="11" rx="2" />
    <path d="M15.500 5.500v-1h-11v11h1" />
  </>,
);
export const SearchIcon = icon(
  <>
    <circle cx="10.500" cy="10.500" r="6.500" />
    <path d="m15.500 15.500 5 5" />
  </>,
);
