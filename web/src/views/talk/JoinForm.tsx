import { type FormEvent, useId } from "react";
import { IDENTITY_TYPES, type TalkError, type TokenRequest, toIdentityType } from "../../api/talk";
import { useFocusOnMount } from "../../lib/hooks";
import { talk } from "../../text/talk";
import { FailureWords } from "./FailureWords";

interface JoinFormProps {
  wish: TokenRequest;
  /** There are keys to sign with. */
  ready: boolean;
  joining: boolean;
  failure: TalkError | null;
  onChange: (wish: TokenRequest) => void;
  onJoin: () => void;
}

export function JoinForm({ wish, ready, joining, failure, onChange, onJoin }: JoinFormProps) {
  const ids = useId();
  // Back from a channel; when the page opens, its own title takes the focus after this one.
  const heading = useFocusOnMount<HTMLHeadingElement>();
  function submit(event: FormEvent) {
    event.preventDefault();
    if (ready) onJoin();
  }
  const field = (name: "channel" | "user" | "device", maxLength: number, required: boolean) => (
    <input
      id={`${ids}-${name}`}
      name={name}
      autoComplete="off"
      autoCapitalize="none"
      spellCheck={false}
      required={required}
      maxLength={maxLength}
      value={wish[name]}
      onChange={(event) => onChange({ ...wish, [name]: event.target.value })}
    />
  );
  return (
    <section className="panel" aria-label={talk.join.title}>
      <h2 ref={heading} tabIndex={-1}>
        {talk.join.title}
      </h2>
      <form className="form" onSubmit={submit}>
        <div className="talk-fields">
          <div>
            <label htmlFor={`${ids}-channel`}>{talk.join.channel}</label>
            {field("channel", 128, true)}
          </div>
          <div>
            <label htmlFor={`${ids}-user`}>{talk.join.user}</label>
            {field("user", 255, true)}
          </div>
          <div>
            <label htmlFor={`${ids}-identity`}>{talk.join.identity}</label>
            <select
              id={`${ids}-identity`}
              aria-describedby={`${ids}-role`}
              value={wish.identity}
              onChange={(event) => {
                const identity = toIdentityType(event.target.value);
                if (identity !== null) onChange({ ...wish, identity });
              }}
            >
              {IDENTITY_TYPES.map((type) => (
                <option key={type} value={type}>
                  {talk.option(type)}
                </option>
              ))}
            </select>
            <p className="talk-note" id={`${ids}-role`}>
              {talk.roleHint[wish.identity]}
            </p>
          </div>
          <div>
            <label htmlFor={`${ids}-device`}>{talk.join.device}</label>
            {field("device", 64, false)}
            <p className="talk-note">{talk.join.deviceHint}</p>
          </div>
        </div>
        <div className="form-alert" role="alert">
          {failure && <FailureWords failure={failure} />}
        </div>
        <button
          type="submit"
          className="button button-primary button-wide"
          disabled={joining || !ready}
        >
          {joining ? talk.join.working : talk.join.submit}
        </button>
        {!ready && <p className="talk-note">{talk.join.needed}</p>}
      </form>
    </section>
  );
}
