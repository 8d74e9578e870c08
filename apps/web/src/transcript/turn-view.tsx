import { Component } from "preact";
import type { MessageView, Turn } from "@open-cowork/contracts/transcript";
import { firstText } from "./first-text.ts";
import { PartView } from "./part-view.tsx";
import { isActive, statusText } from "./turn-status.ts";

interface TurnProps {
  turn: Turn;
  /** The page itself says how the current one stands, right above the prompt box. */
  isCurrent: boolean;
}

/** One prompt and what came of it. Drawn again only when something in it changed: the fold shares what did not. */
export class TurnView extends Component<TurnProps> {
  override shouldComponentUpdate({ turn, isCurrent }: TurnProps): boolean {
    const before = this.props.turn;
    return (
      isCurrent !== this.props.isCurrent ||
      turn.command !== before.command ||
      !same(turn.answers, before.answers) ||
      !same(turn.lost, before.lost)
    );
  }

  override render({ turn, isCurrent }: TurnProps) {
    const { command } = turn;
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
              <Answers messages={messages} isOver />
            </div>
          </details>
        ))}
        <Answers messages={turn.answers} isOver={!isActive(command)} />
        {isCurrent ? null : <p class={`turn-status is-${command.status}`}>{statusText(turn)}</p>}
      </article>
    );
  }
}

function Answers({ messages, isOver }: { messages: readonly MessageView[]; isOver: boolean }) {
  return (
    <>
      {messages.map((message) => (
        <div class="answer" key={message.info.id}>
          {Object.values(message.parts)
            .sort((a, b) => (a.id < b.id ? -1 : 1))
            .map((part) => (
              <PartView key={part.id} part={part} isOver={isOver} />
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

function lostAttempts({ lost }: Turn): Array<[number, MessageView[]]> {
  return [...Map.groupBy(lost, (message) => message.attempt ?? 0)].sort(([a], [b]) => a - b);
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
