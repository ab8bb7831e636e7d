import { text } from "../text";
import { CloseIcon } from "./icons";
import { SearchIcon } from "./shell-icons";

interface SearchFieldProps {
  label: string;
  /** Without one the label stands in the empty field. */
  placeholder?: string;
  value: string;
  onChange: (value: string) => void;
}

export function SearchField({ label, placeholder = label, value, onChange }: SearchFieldProps) {
  return (
    <div className="search">
      <SearchIcon />
      <input
        type="search"
        aria-label={label}
        placeholder={placeholder}
        value={value}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && onChange("")}
      />
      {value !== "" && (
        <button
          type="button"
          className="icon-button"
          aria-label={text.rooms.clear}
          title={text.rooms.clear}
          onClick={() => onChange("")}
        >
          <CloseIcon />
        </button>
      )}
    </div>
  );
}
