import type { DecisionView } from "@open-cowork/contracts/decisions";
import { Component, Fragment } from "preact";
import type { Part } from "@open-cowork/contracts/events";
import type { MessageView, Turn } from "@open-cowork/contracts/transcript";
import { DecisionCard, type Deciding } from "./decision-card.tsx";
import { firstText } from "./first-text.ts";
import { PartView } from "./part-view.tsx";
import { isActive, statusText } from "./turn-status.ts";

interface TurnProps {
  turn: Turn;
  /** The page itself says how the current one stands, right above the prompt box. */
  isCurrent: boolean;
  deciding: Deciding | null;
}

/** One prompt and what came of it. Drawn again only when something in it changed: the fold shares what did not. */
export class TurnView extends Component<TurnProps> {
  override shouldComponentUpdate({ turn, isCurrent, deciding }: TurnProps): boolean {
    const before = this.props.turn;
    return (
      isCurrent !== this.props.isCurrent ||
      deciding !== this.props.deciding ||
      turn.command !== before.command ||
      !same(turn.answers, before.answers) ||
      !same(turn.lost, before.lost) ||
      !same(turn.decisions, before.decisions)
    );
  }

  override render({ turn, isCurrent, deciding }: TurnProps) {
    const { command, decisions } = turn;
    const placed = decisions.filter((decision) => isPlaced(decision, turn));
    return (
      <article class="turn" aria-label={`Prompt ${command.commandSeq}`}>
        <div class="prompt">
          <p class="prompt-by">{command.by}</p>
          <p class="prompt-text">{command.text}</p>
        </div>
        {lostAttempts(turn).map(([attempt, messages]) => (
          <details class="card lost" key={attempt}>
            <summary>
              <span class="card-name">Attempt {attempt}</span>
              <span class="card-title">
                {command.attempt > attempt ? `interrupted; the plane started attempt ${attempt + 1}` : "interrupted"}
              </span>
            </summary>
            <div class="card-body">
              <Answers messages={messages} isOver decisions={decisions} deciding={null} />
            </div>
          </details>
        ))}
        <Answers messages={turn.answers} isOver={!isActive(command)} decisions={decisions} deciding={deciding} />
        {decisions
          .filter((decision) => !placed.includes(decision))
          .map((decision) => (
            <DecisionCard key={decision.decisionId} decision={decision} deciding={deciding} />
          ))}
        {isCurrent ? null : <p class={`turn-status is-${command.status}`}>{statusText(turn, deciding !== null)}</p>}
      </article>
    );
  }
}

function Answers({
  messages,
  isOver,
  decisions,
  deciding,
}: {
  messages: readonly MessageView[];
  isOver: boolean;
  decisions: readonly DecisionView[];
  deciding: Deciding | null;
}) {
  return (
    <>
      {messages.map((message) => (
        <div class="answer" key={message.info.id}>
          {Object.values(message.parts)
            .sort((a, b) => (a.id < b.id ? -1 : 1))
            .map((part) => (
              <Fragment key={part.id}>
                <PartView part={part} isOver={isOver} />
                {decisions
                  .filter((decision) => isAbout(decision, part))
                  .map((decision) => (
                    <DecisionCard key={decision.decisionId} decision={decision} deciding={deciding} />
                  ))}
              </Fragment>
            ))}
          <AnswerError error={message.info["error"]} />
        </div>
      ))}
    </>
  );
}

function AnswerError({ error }: { error: unknown }) {
  if (typeof error !== "object" || error === null) return null;
  const { name, data } = error as { name?: unknown; data?: { message?: unknown } };
  return <p class="alert">{firstText(data?.message, name, "The runtime reported an error.")}</p>;
}

/** An ask stands right behind the call that it is about. */
function isAbout({ request }: DecisionView, part: Part): boolean {
  return (
    request.tool !== undefined && request.tool.callID === part["callID"] && request.tool.messageID === part.messageID
  );
}

/** OpenCode may ask before it shows the call. */
function isPlaced(decision: DecisionView, { answers, lost }: Turn): boolean {
  return [...answers, ...lost].some(({ parts }) => Object.values(parts).some((part) => isAbout(decision, part)));
}

function lostAttempts({ lost }: Turn): Array<[number, MessageView[]]> {
  return [...Map.groupBy(lost, (message) => message.attempt ?? 0)].sort(([a], [b]) => a - b);
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
