import { turnsOf, type Transcript } from "@open-cowork/contracts/transcript";
import type { ComponentChildren } from "preact";
import type { Deciding } from "./decision-card.tsx";
import { currentTurn, isActive, statusText } from "./turn-status.ts";
import { TurnView } from "./turn-view.tsx";

/** The inside of the session page, drawn by the server first and by the island from then on. */
export function SessionRoom(props: {
  transcript: Transcript;
  connection: ComponentChildren;
  composer: ComponentChildren;
  stop: ComponentChildren;
  jump?: ComponentChildren;
  deciding: Deciding | null;
  /** Why the current prompt does not get on, when somebody knows. */
  why: string | null;
}) {
  const turns = turnsOf(props.transcript);
  const current = currentTurn(turns);
  const open = current?.decisions.find(({ status }) => status === "open");
  return (
    <>
      <section class="transcript" aria-label="Transcript">
        {turns.map((turn) => (
          <TurnView key={turn.command.commandId} turn={turn} isCurrent={turn === current} deciding={props.deciding} />
        ))}
        {turns.length === 0 ? <p class="empty">Nothing has been asked yet. Write the first prompt below.</p> : null}
        <div id="newest" />
      </section>
      <div class="dock">
        {props.jump}
        <div class="dock-status">
          <p class={`now is-${open ? "asking" : (current?.command.status ?? "none")}`} role="status">
            {current ? statusText(current, props.deciding !== null) : "ready"}
            {current && isActive(current.command) && props.why ? ` · ${props.why}` : null}
          </p>
          {open ? <a href={`#ask-${open.decisionId}`}>See what it asks</a> : null}
          {current && isActive(current.command) ? props.stop : null}
          <div class="connection">{props.connection}</div>
        </div>
        {props.composer}
      </div>
    </>
  );
}
