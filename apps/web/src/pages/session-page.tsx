import type { SessionSummary } from "@open-cowork/contracts/http";
import type { Transcript } from "@open-cowork/contracts/transcript";
import { Composer } from "../transcript/composer.tsx";
import { SessionRoom } from "../transcript/session-room.tsx";
import type { Signed } from "./document.tsx";

export interface SessionProps {
  person: Signed;
  mayWrite: boolean;
  session: SessionSummary;
  transcript: Transcript;
  why: string | null;
}

export function SessionPage({ mayWrite, session, transcript, why }: SessionProps) {
  const { sessionId } = session;
  const takesPrompts = mayWrite && session.status === "open";
  return (
    <main id="main" class="column session">
      <nav class="crumbs" aria-label="Breadcrumb">
        <a href="/">Sessions</a>
      </nav>
      <h1 class="session-heading">{session.title || "Untitled session"}</h1>
      <div
        id="room"
        data-session-id={sessionId}
        data-takes-prompts={String(takesPrompts)}
        data-may-write={String(mayWrite)}
      >
        <SessionRoom
          transcript={transcript}
          why={why}
          deciding={mayWrite ? { action: (decisionId) => `/sessions/${sessionId}/decisions/${decisionId}` } : null}
          connection={<a href={`/sessions/${sessionId}`}>Reload to see what is new</a>}
          stop={mayWrite ? <StopForm sessionId={sessionId} /> : null}
          composer={
            takesPrompts ? (
              <Composer action={`/sessions/${sessionId}/prompts`} field="text" label="Prompt" button="Send" />
            ) : null
          }
        />
      </div>
    </main>
  );
}

function StopForm({ sessionId }: { sessionId: string }) {
  return (
    <form method="post" action={`/sessions/${sessionId}/stop`}>
      <button class="button stop" type="submit">
        Stop
      </button>
    </form>
  );
}
