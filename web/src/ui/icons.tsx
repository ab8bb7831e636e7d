import type { ReactNode } from "react";

/** Line icons on a 24 px grid. Decoration only: the button around one carries the name. */
export function icon(body: ReactNode): () => ReactNode {
  return () => (
    <svg
      className="icon"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {body}
    </svg>
  );
}

const micBody = (
  <>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
  </>
);

export const MicIcon = icon(micBody);
export const MicOffIcon = icon(
  <>
    <path d="M15 9.5V6a3 3 0 0 0-5.8-1M9 9v2a3 3 0 0 0 4.5 2.6M5.5 11.5a6.5 6.5 0 0 0 9.7 5.7M18.5 11.5c0 .9-.2 1.7-.5 2.5M12 18v3" />
    <path d="m4 4 16 16" />
  </>,
);
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" />);
export const RefreshIcon = icon(
  <path d="M20 11a8 8 0 0 0-14.3-4L3 9.5M3 4.5v5h5M4 13a8 8 0 0 0 14.3 4l2.7-2.5M21 19.5v-5h-5" />,
);
export const PeopleIcon = icon(
  <>
    <circle cx="9" cy="8" r="3.5" />
    <path d="M2.5 20a6.5 6.5 0 0 1 13 0M16 4.8a3.5 3.5 0 0 1 0 6.4M18 14.4a6.5 6.5 0 0 1 3.5 5.6" />
  </>,
);
export const SeatIcon = icon(
  <path d="M7 12V6a3 3 0 0 1 3-3h4a3 3 0 0 1 3 3v6M4 11v5h16v-5M7 16v4M17 16v4" />,
);
export const LeaveIcon = icon(<path d="M14 4H6v16h8M10 12h11m-4-4 4 4-4 4" />);
export const PowerIcon = icon(<path d="M12 3v8M6.3 6.3a8 8 0 1 0 11.4 0" />);
export const BackIcon = icon(<path d="M19 12H5m6-6-6 6 6 6" />);
export const LinkIcon = icon(
  <path d="M10 14a4.5 4.5 0 0 0 6.4 0l3-3a4.5 4.5 0 0 0-6.4-6.4l-1 1M14 10a4.5 4.5 0 0 0-6.4 0l-3 3a4.5 4.5 0 0 0 6.4 6.4l1-1" />,
);
export const CheckIcon = icon(<path d="m5 13 4.5 4.5L19 7" />);
export const SoundIcon = icon(
  <path d="M4 9.5v5h3.5L12 19V5L7.5 9.5zM16 9a4 4 0 0 1 0 6M18.7 6a8 8 0 0 1 0 12" />,
);
export const SignOutIcon = icon(<path d="M10 4H5v16h5M15 8l4 4-4 4M19 12H9" />);
export const CrownIcon = icon(<path d="m4 17-1-9 5.5 4L12 6l3.500 6L21 8l-1 9z" />);
export const MoreIcon = icon(<path d="M6 12h.01M12 12h.01M18 12h.01" />);
export const AlertIcon = icon(<path d="M12 8.500v4.500M12 16.500h.01M12 3 2 20.500h20z" />);
export const EyeIcon = icon(
  <>
    <path d="M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12z" />
    <circle cx="12" cy="12" r="3" />
  </>,
);

export const BookIcon = icon(
  <path d="M12 6.500C10.500 5 8 4.500 4 4.500v13c4 0 6.500.5 8 2 1.500-1.500 4-2 8-2v-13c-4 0-6.500.5-8 2zM12 6.500v13" />,
);
export const CameraIcon = icon(
  <>
    <rect x="3" y="6.500" width="12" height="11" rx="2.500" />
    <path d="m15 10.500 6-3.500v10l-6-3.500" />
  </>,
);
export const CameraOffIcon = icon(
  <>
    <path d="M9.500 6.500h3A2.500 2.500 0 0 1 15 9v1.500l6-3.500v10l-2-1.200M15 15.500a2.500 2.500 0 0 1-2.500 2h-7A2.500 2.500 0 0 1 3 15V9a2.500 2.500 0 0 1 2-2.450" />
    <path d="m4 4 16 16" />
  </>,
);
export const ScreenIcon = icon(
  <>
    <rect x="3" y="4.500" width="18" height="12" rx="2" />
    <path d="M9 20h6M12 13.500v-5m-2.500 2.300L12 8.300l2.500 2.500" />
  </>,
);
export const HandIcon = icon(
  <path d="M8 13V5.500a1.500 1.500 0 0 1 3 0V11m0-6.500a1.500 1.500 0 0 1 3 0V11m0-5a1.500 1.500 0 0 1 3 0v8a7 7 0 0 1-7 7c-2.500 0-4-1-5.200-3L3 14.500c-.8-1.500 1-2.800 2.200-1.600L8 15.500" />,
);
export const PlayIcon = icon(<path d="M7 4.500v15l12-7.500z" />);
export const PauseIcon = icon(<path d="M8.500 5v14M15.500 5v14" />);
export const CloseIcon = icon(<path d="m6 6 12 12M18 6 6 18" />);
export const TrashIcon = icon(<path d="M4 7h16M9 7V4h6v3M6.500 7l1 13h9l1-13M10 11v5M14 11v5" />);
export const PenIcon = icon(
  <path d="m4 20 1-4.500L16.500 4a2 2 0 0 1 3 0l.5.5a2 2 0 0 1 0 3L8.500 19z" />,
);
export const LineIcon = icon(<path d="M5 19 19 5" />);
export const SquareIcon = icon(<rect x="4" y="6" width="16" height="12" rx="1" />);
export const EllipseIcon = icon(<ellipse cx="12" cy="12" rx="9" ry="6.500" />);
export const TextIcon = icon(<path d="M5 7V5h14v2M12 5v14M9 19h6" />);
export const EraserIcon = icon(
  <path d="m9 20-5-5a2 2 0 0 1 0-2.800L13 4l7 7-9 9zM8.500 8.500l7 7M9 20h11" />,
);
export const UndoIcon = icon(<path d="M4 9h10a5.500 5.500 0 0 1 0 11H9M8 5 4 9l4 4" />);
export const RedoIcon = icon(<path d="M20 9H10a5.500 5.500 0 0 0 0 11h5M16 5l4 4-4 4" />);
export const NextIcon = icon(<path d="m9 5 7 7-7 7" />);
export const BeforeIcon = icon(<path d="m15 5-7 7 7 7" />);
export const FitIcon = icon(<path d="M4 9V4h5m6 0h5v5m0 6v5h-5m-6 0H4v-5" />);
export const BoardIcon = icon(
  <path d="M3.500 5h17v11h-17zM8 20l2-4m6 4-2-4m-2 1v-3m-3 0 3-3.500 3 3.500" />,
);
export const SaveIcon = icon(<path d="M12 4v11m-4.500-4L12 15.500 16.500 11M4 19.500h16" />);

export const SendIcon = icon(
  <path d="M4 12 20 4.500 14.500 20l-3-6.500zM11.500 13.500 20 4.500" />,
);
export const HeartIcon = icon(
  <path d="M12 20s-7.500-4.600-7.500-10A4.300 4.300 0 0 1 12 7.300 4.300 4.300 0 0 1 19.500 10c0 5.400-7.500 10-7.500 10z" />,
);

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" className="logo-ground" />
      <g className="logo-mark">
        <rect x="5" y="7" width="22" height="3" rx="1.5" />
        <rect x="6" y="13" width="3" height="12" rx="1.5" />
        <rect x="11.7" y="13" width="3" height="7" rx="1.5" />
        <rect x="17.3" y="13" width="3" height="12" rx="1.5" />
        <rect x="23" y="13" width="3" height="9" rx="1.5" />
      </g>
    </svg>
  );
}
