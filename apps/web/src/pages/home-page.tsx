import type { SessionSummary } from "@open-cowork/contracts/http";
import { Composer } from "../transcript/composer.tsx";
import { relativeTime } from "../transcript/relative-time.ts";
import { chipText } from "../transcript/turn-status.ts";
import type { Signed } from "./document.tsx";

interface Profile {
  name: string;
  about: string;
}

export interface HomeProps {
  person: Signed;
  mayWrite: boolean;
  sessions: SessionSummary[];
  nextCursor: string | null;
  isFirstPage: boolean;
  hasDeadLetters: boolean;
  profiles: Profile[];
  now: string;
}

export function HomePage({
  person,
  mayWrite,
  sessions,
  nextCursor,
  isFirstPage,
  hasDeadLetters,
  profiles,
  now,
}: HomeProps) {
  return (
    <main id="main" class="column">
      <h1 class="greeting">Hello, {person.displayName}</h1>
      {mayWrite ? (
        <Composer action="/sessions" field="prompt" label="What should the agent do?" button="Start" big>
          <ProfileChoice profiles={profiles} />
        </Composer>
      ) : (
        <p class="note">You may look at sessions here, not start them.</p>
      )}
      {hasDeadLetters ? (
        <p class="note">
          A prompt failed in every attempt. <a href="/dead-letters">Look at it, then retry or drop it.</a>
        </p>
      ) : null}
      <section class="sessions" aria-labelledby="sessions-title">
        <h2 id="sessions-title">{isFirstPage ? "Sessions" : "Older sessions"}</h2>
        {sessions.length === 0 ? (
          <p class="empty">{isFirstPage ? "None yet. The first prompt starts one." : "There are no older ones."}</p>
        ) : (
          <ul class="session-list">
            {sessions.map((session) => (
              <li key={session.sessionId}>
                <SessionRow session={session} mayWrite={mayWrite} now={now} />
              </li>
            ))}
          </ul>
        )}
        <nav class="pager" aria-label="Pages of sessions">
          {isFirstPage ? null : <a href="/">Newest</a>}
          {nextCursor ? <a href={`/?before=${encodeURIComponent(nextCursor)}`}>Older sessions</a> : null}
        </nav>
      </section>
    </main>
  );
}

/** Under which policy the agent works; nothing to choose where there is one only. */
function ProfileChoice({ profiles }: { profiles: Profile[] }) {
  if (profiles.length < 2) return null;
  return (
    <label class="profile-choice">
      <span>Profile</span>
      <select name="profile">
        {profiles.map(({ name, about }) => (
          <option key={name} value={name}>
            {about ? `${name}: ${about}` : name}
          </option>
        ))}
      </select>
    </label>
  );
}

function SessionRow({ session, mayWrite, now }: { session: SessionSummary; mayWrite: boolean; now: string }) {
  const { lastCommandStatus } = session;
  return (
    <a class="session-row" href={`/sessions/${session.sessionId}`}>
      <span class="session-title">{session.title || "Untitled session"}</span>
      {session.status === "archived" ? <span class="chip">archived</span> : null}
      {session.waitsForPerson ? (
        <span class="chip is-asking">{mayWrite ? "waiting for you" : "waiting for a person"}</span>
      ) : (
        <span class={`chip is-${lastCommandStatus ?? "none"}`}>
          {lastCommandStatus ? chipText[lastCommandStatus] : "new"}
        </span>
      )}
      <time class="session-time" dateTime={session.updatedAt} data-relative>
        {relativeTime(session.updatedAt, new Date(now))}
      </time>
    </a>
  );
}
