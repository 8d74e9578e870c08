import { systemClock } from "@open-cowork/contracts/clock";
import { effect, signal } from "@preact/signals";
import { options, render } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { answerIn } from "../transcript/answer-in.ts";
import { Composer } from "../transcript/composer.tsx";
import type { Deciding } from "../transcript/decision-card.tsx";
import { SessionRoom } from "../transcript/session-room.tsx";
import { describeConnection } from "./connection.ts";
import { enterSends } from "./enter-sends.ts";
import { isPinned, scrollToNewest, watchScroll } from "./pin-to-newest.ts";
import { post } from "./post.ts";
import { SessionStream } from "./session-stream.ts";
import { explainQuiet } from "./why-it-waits.ts";

/** Takes over the session page once its first snapshot is here; until then, and without it, the plain forms work. */
const root = document.querySelector<HTMLElement>("#room")!;
const { sessionId, takesPrompts, mayWrite } = root.dataset as {
  sessionId: string;
  takesPrompts: string;
  mayWrite: string;
};

// A frame is as often as anyone can see; many events may arrive within one.
options.debounceRendering = requestAnimationFrame;
document.documentElement.classList.add("has-script");
const stream = new SessionStream(sessionId);
const problem = signal<string | null>(null);
const why = explainQuiet(sessionId, stream.transcript);
const isSending = signal(false);
/** A new one only when its line changes: turns compare it to know whether to draw again. */
const deciding = signal<Deciding | null>(null);
const decideAs = (problemNow: Deciding["problem"]): void => {
  if (mayWrite !== "true") return;
  deciding.value = {
    action: decisionPath,
    onSubmit: (event, id) => void decide(event, id),
    problem: problemNow ?? null,
  };
};
decideAs(null);
watchScroll();

const stopWaiting = effect(() => {
  if (!stream.transcript.value) return;
  render(<Room />, root);
  queueMicrotask(() => stopWaiting());
});

function Room() {
  const pinned = isPinned.value;
  useLayoutEffect(() => {
    if (isPinned.peek()) scrollToNewest();
  });
  return (
    <SessionRoom
      transcript={stream.transcript.value!}
      why={why.value}
      deciding={deciding.value}
      connection={<ConnectionState />}
      stop={mayWrite === "true" ? <StopButton /> : null}
      composer={takesPrompts === "true" ? <LiveComposer /> : null}
      jump={
        pinned ? null : (
          <button class="button jump" type="button" onClick={scrollToNewest}>
            Newest
          </button>
        )
      }
    />
  );
}

function decisionPath(decisionId: string): string {
  return `/sessions/${sessionId}/decisions/${decisionId}`;
}

/** The card changes when the event arrives: the page never shows what the plane does not hold. */
async function decide(event: SubmitEvent, decisionId: string): Promise<void> {
  event.preventDefault();
  const data = new FormData(event.target as HTMLFormElement, event.submitter);
  const fields = [...data].map(([name, value]): [string, string] => [name, typeof value === "string" ? value : ""]);
  const text = await post(`/api${decisionPath(decisionId)}`, answerIn(fields));
  decideAs(text === null ? null : { decisionId, text });
}

function ConnectionState() {
  const connection = stream.connection.value;
  const [nowMs, setNowMs] = useState(systemClock.monotonicMs());
  useEffect(() => {
    if (connection.kind !== "broken") return;
    const leaving = new AbortController();
    void (async () => {
      for (;;) {
        await systemClock.sleep(1_000, leaving.signal);
        setNowMs(systemClock.monotonicMs());
      }
    })().catch(() => {});
    return () => leaving.abort();
  }, [connection]);
  const { kind, text } = describeConnection(connection, nowMs);
  return (
    <span class={`connection-state is-${kind}`}>
      {text}
      {connection.kind === "broken" && kind === "lost" ? (
        <button class="button quiet" type="button" onClick={() => stream.retryNow()}>
          Try now
        </button>
      ) : null}
      {connection.kind === "ended" && connection.reason === "signed_out" ? <a href="/sign-in">Sign in</a> : null}
    </span>
  );
}

function StopButton() {
  const stop = async (event: SubmitEvent) => {
    event.preventDefault();
    problem.value = await post(`/api/sessions/${sessionId}/stop`, {});
  };
  return (
    <form method="post" action={`/sessions/${sessionId}/stop`} onSubmit={(event) => void stop(event)}>
      <button class="button stop" type="submit">
        Stop
      </button>
    </form>
  );
}

function LiveComposer() {
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const box = (event.target as HTMLFormElement).elements.namedItem("text") as HTMLTextAreaElement;
    const text = box.value.trim();
    if (!text || isSending.value) return;
    isSending.value = true;
    problem.value = await post(`/api/sessions/${sessionId}/prompts`, { text });
    isSending.value = false;
    if (problem.value !== null) return;
    // The prompt itself appears when its event arrives: the page never shows what the plane does not hold.
    box.value = "";
    isPinned.value = true;
    scrollToNewest();
  };
  return (
    <Composer
      action={`/sessions/${sessionId}/prompts`}
      field="text"
      label="Prompt"
      button="Send"
      busy={isSending.value}
      problem={problem.value}
      onSubmit={(event) => void send(event)}
      onKeyDown={enterSends}
    />
  );
}
