import type { CommandStatus } from "./lifecycles.ts";
import { decided, opened, withdrawn, type DecisionView } from "./decisions.ts";
import type { MessageInfo, Part, SessionEvent } from "./events.ts";

/**
 * The read model of one session, and the pure fold that defines it. The database keeps the same state as rows
 * (`commands`, `parts`), written in the transaction of the events themselves; browser, repair and tests fold with
 * this. The invariant that ties them: for every cursor c, state(c) and the rows after c fold to the same state.
 */
export interface Transcript {
  commands: Record<string, CommandView>;
  messages: Record<string, MessageView>;
  decisions: Record<string, DecisionView>;
}

export interface CommandView {
  commandId: string;
  commandSeq: number;
  text: string;
  by: string;
  at: string;
  status: CommandStatus;
  /** The newest attempt; messages of an earlier one belong to an attempt that was lost. */
  attempt: number;
  reason: string | null;
}

export interface MessageView {
  info: MessageInfo;
  commandId: string | null;
  attempt: number | null;
  parts: Record<string, Part>;
  /** Known by its parts alone: until its own event comes, it belongs to whoever told of one of them last. */
  unannounced?: true;
}

export const emptyTranscript: Transcript = { commands: {}, messages: {}, decisions: {} };

/** Returns a new state that shares every unchanged branch, so that a page can render only what moved. */
export function foldEvent(state: Transcript, event: SessionEvent): Transcript {
  switch (event.type) {
    case "command.accepted": {
      const { commandId, commandSeq, text, by } = event.payload;
      const command: CommandView = {
        commandId,
        commandSeq,
        text,
        by,
        at: event.at,
        status: "waiting",
        attempt: 0,
        reason: null,
      };
      return { ...state, commands: { ...state.commands, [commandId]: command } };
    }
    case "command.cancelled":
      return moveCommand(state, event.payload.commandId, { status: "cancelled", reason: event.payload.reason });
    case "command.retried":
      return moveCommand(state, event.payload.commandId, { status: "waiting", reason: null, text: event.payload.text });
    case "attempt.started":
      return moveCommand(state, event.payload.commandId, {
        status: "working",
        attempt: event.payload.attempt,
        reason: null,
      });
    case "attempt.lost":
      return moveCommand(withoutAsks(state, event), event.payload.commandId, {
        status: "waiting",
        reason: event.payload.reason,
      });
    case "command.finished":
      return moveCommand(withoutAsks(state, event), event.payload.commandId, {
        status: event.payload.outcome,
        reason: event.payload.reason,
      });
    case "message.updated": {
      const { info } = event.payload;
      const parts = state.messages[info.id]?.parts ?? {};
      return putMessage(state, info.id, { info, parts, commandId: event.commandId, attempt: event.attempt });
    }
    case "message.part.updated": {
      const { part } = event.payload;
      const known = state.messages[part.messageID];
      const message = known && !known.unannounced ? known : unannounced(part, event, known?.parts);
      return putMessage(state, part.messageID, { ...message, parts: { ...message.parts, [part.id]: part } });
    }
    case "message.part.delta": {
      const { messageID, partID, offset, text } = event.payload;
      const message = state.messages[messageID];
      const part = message?.parts[partID];
      // A delta whose part is already final, or unknown because it was removed, changes nothing.
      if (!message || !part || isFinal(part)) return state;
      const before = typeof part["text"] === "string" ? part["text"] : "";
      // Beyond the end would leave a hole: the final state of the part follows and fills it.
      if (offset > before.length || before.length >= offset + text.length) return state;
      const grown = { ...part, text: before.slice(0, offset) + text };
      return putMessage(state, messageID, { ...message, parts: { ...message.parts, [partID]: grown } });
    }
    case "permission.asked":
    case "question.asked": {
      const decision = opened(event);
      return { ...state, decisions: { ...state.decisions, [decision.decisionId]: decision } };
    }
    case "decision.made": {
      const known = state.decisions[event.payload.decisionId];
      if (!known) return state;
      return { ...state, decisions: { ...state.decisions, [known.decisionId]: decided(known, event) } };
    }
    case "permission.replied":
    case "question.replied":
    case "question.rejected":
    case "session.error":
      return state;
  }
}

/** A text or reasoning part has its final state once the runtime stamped its end. */
export function isFinal(part: Part): boolean {
  const time = part["time"] as { end?: number } | undefined;
  return time?.end !== undefined;
}

/** What an attempt asked ends with it. */
function withoutAsks(
  state: Transcript,
  event: SessionEvent & { type: "attempt.lost" | "command.finished" },
): Transcript {
  const decisions = withdrawn(state.decisions, event);
  return decisions === state.decisions ? state : { ...state, decisions };
}

function moveCommand(state: Transcript, commandId: string, change: Partial<CommandView>): Transcript {
  const command = state.commands[commandId];
  if (!command) return state;
  return { ...state, commands: { ...state.commands, [commandId]: { ...command, ...change } } };
}

function putMessage(state: Transcript, id: string, message: MessageView): Transcript {
  return { ...state, messages: { ...state.messages, [id]: message } };
}

/** OpenCode may announce a part before its message; the message's own event replaces this. */
function unannounced(part: Part, { commandId, attempt }: SessionEvent, parts: MessageView["parts"] = {}): MessageView {
  return { info: { id: part.messageID, sessionID: part.sessionID }, parts, commandId, attempt, unannounced: true };
}

/** One prompt with everything that answered it, as a page shows it. */
export interface Turn {
  command: CommandView;
  /** Answers of the newest attempt. */
  answers: MessageView[];
  /** What earlier attempts had said before they were lost; the agent no longer knows it. */
  lost: MessageView[];
  /** What it asked people, oldest first; those of lost attempts among them. */
  decisions: DecisionView[];
}

export function turnsOf(state: Transcript): Turn[] {
  const answers = Object.values(state.messages)
    .filter((message) => message.info["role"] === "assistant")
    .sort((a, b) => (a.info.id < b.info.id ? -1 : 1));
  const decisions = Object.values(state.decisions).sort((a, b) => (a.decisionId < b.decisionId ? -1 : 1));
  return Object.values(state.commands)
    .sort((a, b) => a.commandSeq - b.commandSeq)
    .map((command) => {
      const own = answers.filter((message) => message.commandId === command.commandId);
      const isCurrent = (message: MessageView) => message.attempt === command.attempt && !isWaitingAgain(command);
      return {
        command,
        answers: own.filter(isCurrent),
        lost: own.filter((message) => !isCurrent(message)),
        decisions: decisions.filter((decision) => decision.commandId === command.commandId),
      };
    });
}

function isWaitingAgain(command: CommandView): boolean {
  return command.status === "waiting" && command.attempt > 0;
}
