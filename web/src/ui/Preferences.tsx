import { type ReactNode, useId, useSyncExternalStore } from "react";
import { chooseTheme, currentTheme, THEMES, type Theme, watchTheme } from "../lib/theme";
import { chooseLanguage, LANGUAGES, language, text } from "../text";
import { MoonIcon, SunIcon, SystemIcon } from "./shell-icons";

const ICONS: Record<Theme, () => ReactNode> = {
  system: SystemIcon,
  light: SunIcon,
  dark: MoonIcon,
};

/** Chosen for good: the page comes again in that language. */
export function LanguageSwitch() {
  return (
    <Segments label={text.top.language}>
      {LANGUAGES.map(({ tag, name }) => (
        <button
          key={tag}
          type="button"
          lang={tag}
          aria-pressed={tag === language}
          onClick={() => tag !== language && chooseLanguage(tag)}
        >
          {name}
        </button>
      ))}
    </Segments>
  );
}

export function ThemeSwitch() {
  const theme = useSyncExternalStore(watchTheme, currentTheme);
  return (
    <Segments label={text.top.theme}>
      {THEMES.map((one) => {
        const Icon = ICONS[one];
        return (
          <button
            key={one}
            type="button"
            aria-pressed={one === theme}
            onClick={() => chooseTheme(one)}
          >
            <Icon />
            {text.top.themes[one]}
          </button>
        );
      })}
    </Segments>
  );
}

function Segments({ label, children }: { label: string; children: ReactNode }) {
  const id = useId();
  return (
    <div className="segments-row">
      <span id={id}>{label}</span>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out as one row everywhere */}
      <div className="segments" role="group" aria-labelledby={id}>
        {children}
      </div>
    </div>
  );
}
