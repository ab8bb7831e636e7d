import { useState } from "react";
import { masked } from "../../console/call";
import { type Call, LANGUAGES, type Language, snippet } from "../../console/snippets";
import { t } from "../../text/console";
import { CheckIcon } from "../../ui/icons";
import { useCopy } from "../../ui/useCopy";
import { CopyIcon } from "./icons";
import { Choice, Code } from "./parts";

/**
 * The call as lines to run elsewhere. Token and secret are dots on the screen, which others may see, and as they are
 * in what is copied.
 */
export function Snippets({ call }: { call: Call }) {
  const [language, setLanguage] = useState<Language>("curl");
  const [plain, setPlain] = useState(false);
  const secret = call.sign !== null || call.headers.some(([name]) => name === "Authorization");
  const ready = snippet(language, call);
  const shown = plain || !secret ? ready : snippet(language, masked(call));
  return (
    <section className="operation-part" aria-label={t.api.lines}>
      <div className="snippet-head">
        <Choice
          legend={t.api.lines}
          value={language}
          onChange={setLanguage}
          options={LANGUAGES.map((value) => ({ value, label: t.api.languages[value] }))}
        />
        {secret && (
          <label className="console-check">
            <input
              type="checkbox"
              checked={plain}
              onChange={(event) => setPlain(event.target.checked)}
            />
            <span>{t.api.showSecret}</span>
          </label>
        )}
        <Copy text={ready} />
      </div>
      <Code label={t.api.languages[language]}>{shown}</Code>
      <p className="console-note">
        {t.api.runs[language]} {secret && t.api.copyHint}
      </p>
    </section>
  );
}

/** Shown where the browser lets pages write to the clipboard (secure contexts). */
function Copy({ text }: { text: string }) {
  const clipboard = useCopy();
  if (clipboard === null) return null;
  const { copied, copy } = clipboard;
  return (
    <button type="button" className="button console-button" onClick={() => copy(text)}>
      {copied ? <CheckIcon /> : <CopyIcon />}
      {copied ? t.api.copied : t.api.copy}
      <span className="visually-hidden" role="status">
        {copied ? t.api.copied : ""}
      </span>
    </button>
  );
}
