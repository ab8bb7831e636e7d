import { avatarColour, initials } from "../lib/avatar";

interface AvatarProps {
  /** Decides the colour: the user id, so that a changed nick keeps it. */
  user: string;
  name?: string;
  size: "s" | "m" | "l" | "xl";
}

/**
 * A picture made from the name. Decoration: the name is written beside it. The letters are drawn by the style sheet, so
 * that they are no text of the button or link they stand in.
 */
export function Avatar({ user, name = user, size }: AvatarProps) {
  return (
    <span
      className="avatar"
      data-colour={avatarColour(user)}
      data-size={size}
      data-initials={initials(name)}
      aria-hidden="true"
    />
  );
}
