import { talk } from "../../text/talk";

/** What goes where in a product; shown until somebody is in a channel. */
export function HowItWorks() {
  return (
    <section className="panel talk-how" aria-label={talk.how.title}>
      <h2>{talk.how.title}</h2>
      <ol>
        {talk.how.steps.map(({ title, text }) => (
          <li key={title}>
            <strong>{title}</strong>
            <span>{text}</span>
          </li>
        ))}
      </ol>
      <p className="talk-note">
        {talk.how.more} <a href="/docs">{talk.how.docs}</a>
      </p>
    </section>
  );
}
