import { failures } from "@open-cowork/contracts/refusals";
import { limits } from "@open-cowork/contracts/timings";
import { relativeTime } from "../transcript/relative-time.ts";
import type { Signed } from "./document.tsx";

export interface ShownLetter {
  workId: string;
  sessionId: string | null;
  text: string;
  reason: string;
  attempts: number;
  diedAt: string;
}

export interface DeadLettersProps {
  person: Signed;
  mayWrite: boolean;
  letters: ShownLetter[];
  now: string;
}

/** What every attempt failed at, with what one can do about it. */
export function DeadLettersPage({ mayWrite, letters, now }: DeadLettersProps) {
  return (
    <main id="main" class="column">
      <nav class="crumbs" aria-label="Breadcrumb">
        <a href="/">Sessions</a>
      </nav>
      <h1 class="session-heading">Failed for good</h1>
      {letters.length === 0 ? (
        <p class="empty">Nothing here: no prompt has failed in every attempt.</p>
      ) : (
        <ul class="letters">
          {letters.map((letter) => (
            <li key={letter.workId} class="letter">
              <Letter letter={letter} mayWrite={mayWrite} now={now} />
            </li>
          ))}
        </ul>
      )}
    </main>
  );
}

function Letter({ letter, mayWrite, now }: { letter: ShownLetter; mayWrite: boolean; now: string }) {
  const { workId, sessionId, text, attempts, diedAt } = letter;
  return (
    <>
      <p class="letter-why">
        {meaningOf(letter.reason)}{" "}
        <span class="letter-facts">
          {attempts} {attempts === 1 ? "attempt" : "attempts"},{" "}
        </span>
        <time dateTime={diedAt}>{relativeTime(diedAt, new Date(now))}</time>.{" "}
        {sessionId ? <a href={`/sessions/${sessionId}`}>Open the session</a> : null}
      </p>
      {mayWrite ? (
        <form class="letter-form" method="post" action={`/dead-letters/${workId}/retry`}>
          <textarea name="text" rows={3} required maxLength={limits.promptChars} aria-label="Prompt, to edit and retry">
            {text}
          </textarea>
          <div class="letter-acts">
            <button class="button primary" type="submit">
              Retry
            </button>
            <button class="button quiet" type="submit" formAction={`/dead-letters/${workId}/drop`} formNoValidate>
              Drop
            </button>
          </div>
        </form>
      ) : (
        <blockquote>{text}</blockquote>
      )}
    </>
  );
}

function meaningOf(reason: string): string {
  return Object.hasOwn(failures, reason) ? failures[reason as keyof typeof failures].means : reason;
}
