import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { systemClock, type Clock } from "@open-cowork/contracts/clock";
import type { Decided } from "@open-cowork/contracts/decisions";
import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { newId, type DecisionId } from "@open-cowork/contracts/ids";
import type { Failure } from "@open-cowork/contracts/refusals";
import type { EngineClient } from "./engine-client.ts";
import type { EngineAsk, EngineEvent, EngineReply } from "./engine-event.ts";
import type { EventText } from "./event-text.ts";
import { fitEvent } from "./fit-event.ts";

/**
 * What the agent asks people, between OpenCode and the plane. An ask becomes an event, and with it a row that people
 * decide; the decision comes back as a signal and is handed to OpenCode only while OpenCode still asks for exactly the
 * call that was shown. Whoever can reach OpenCode's API could answer there as well: a reply that is not the plane's
 * decision ends the turn.
 */
export interface Asks {
  /** Told every event of OpenCode before anybody else is. */
  hear(event: EngineEvent): Promise<void>;
  /** From here on asks are put to people; before and after, they are rejected. */
  begin(turn: AskingTurn): void;
  /** Rejects what is left: OpenCode keeps an ask for ever, also that of a turn that was aborted. */
  end(): Promise<void>;
  decide(decided: Decided): void;
  /** Somebody may still answer, so silence means nothing. */
  isWaiting(): boolean;
  /** Why the turn must end. */
  failure(): AskFailure | null;
}

export interface AskingTurn {
  /** How long an ask waits for a person. */
  waitMs: number;
  emit(events: RuntimeEvent[]): Promise<void> | void;
}

export interface AskFailure {
  reason: Failure;
  message: string;
}

interface OpenAsk {
  decisionId: DecisionId;
  ask: EngineAsk;
  requestHash: string;
  askedAt: number;
  /** What OpenCode is about to be told, or has been. */
  reply: EngineReply | null;
  /** That reply is what people decided, or that none of them did in time; not that the turn is over. */
  isDecided: boolean;
}

/** Time is the database's business; this is how long to wait for its word after an ask has expired. */
const lateMs = 60_000;
const tries = 3;
const tryAgainMs = 250;

export function createAsks(options: {
  client: EngineClient;
  text: EventText;
  onTrouble(error: unknown, what: string): void;
  clock?: Clock;
}): Asks {
  const { client, text, onTrouble } = options;
  const clock = options.clock ?? systemClock;
  const open = new Map<string, OpenAsk>();
  let turn: AskingTurn | null = null;
  /** Runs what a signal brings as a part of the turn, so that it is found in the turn's trace. */
  let inTurn = AsyncLocalStorage.snapshot();
  let failure: AskFailure | null = null;
  /** One no to a call is a no to every other call that waits in the same session: OpenCode says so for each. */
  let hasRejected = false;

  const fail = (reason: Failure, message: string) => void (failure ??= { reason, message });

  const asked = async (ask: EngineAsk) => {
    const { id } = ask.request;
    const requestHash = hashOf(ask.request);
    // Heard already: pending asks are read again after a gap.
    if (open.get(id)?.requestHash === requestHash) return;
    const entry: OpenAsk = {
      decisionId: newId<"decision">(),
      ask,
      requestHash,
      askedAt: clock.monotonicMs(),
      reply: null,
      isDecided: false,
    };
    open.set(id, entry);
    if (turn === null) {
      onTrouble(new Error(`${ask.type} outside of a turn was rejected`), "ask");
      await replyTo(entry, "reject").catch((error: unknown) => onTrouble(error, "rejecting an ask"));
      return;
    }
    const decision = { decisionId: entry.decisionId, waitMs: turn.waitMs, requestHash };
    await turn.emit([
      fitEvent({ type: ask.type, payload: { ...text.cleanAll(ask.request), decision } } as RuntimeEvent),
    ]);
  };

  const replied = async (id: string, reply: EngineReply) => {
    const entry = open.get(id);
    open.delete(id);
    const isOurs = entry !== undefined && entry.reply !== null && isDeepStrictEqual(entry.reply, reply);
    if (isOurs) {
      if (entry.isDecided) await turn?.emit(confirmation(entry, reply));
    } else if (!(hasRejected && reply === "reject")) {
      fail("unrecorded_reply", `OpenCode's ask ${id} was answered by somebody else than the plane`);
    }
  };

  const replyTo = async (entry: OpenAsk, reply: EngineReply) => {
    entry.reply = reply;
    const { id } = entry.ask.request;
    if (reply === "reject" && entry.ask.type === "permission.asked") hasRejected = true;
    if (Array.isArray(reply)) await client.answerQuestion(id, reply);
    else if (entry.ask.type === "question.asked") await client.rejectQuestion(id);
    else await client.replyPermission(id, reply === "reject" ? "reject" : "once");
  };

  const apply = async (entry: OpenAsk, decided: Decided) => {
    const { type, request } = entry.ask;
    const pending = type === "permission.asked" ? await client.pendingPermissions() : await client.pendingQuestions();
    const now = pending.find(({ id }) => id === request.id);
    // Gone: its reply is on its way to us, and says whether it was ours.
    if (!now || open.get(request.id) !== entry) return;
    if (hashOf(now) !== decided.requestHash) {
      open.delete(request.id);
      return asked({ type, request: now } as EngineAsk);
    }
    entry.isDecided = true;
    await replyTo(entry, replyOf(decided));
  };

  const applyInTheEnd = async (entry: OpenAsk, decided: Decided) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await apply(entry, decided);
      } catch (error) {
        onTrouble(error, "handing a decision to OpenCode");
        if (attempt === tries) return fail("runtime_error", "OpenCode did not take a decision");
        await clock.sleep(tryAgainMs);
      }
    }
  };

  return {
    async hear(event) {
      if (event.type === "permission.asked" || event.type === "question.asked") await asked(event);
      else if (event.type === "ask.replied") await replied(event.id, event.reply);
      else if (event.type === "asks.pending") {
        for (const [id, entry] of open) {
          // Answered in the gap: with what we were about to say, or by somebody else.
          if (!event.ids.includes(id)) await replied(id, entry.reply ?? (hasRejected ? "reject" : "always"));
        }
      }
    },

    begin(next) {
      turn = next;
      inTurn = AsyncLocalStorage.snapshot();
      failure = null;
      hasRejected = false;
    },

    async end() {
      turn = null;
      for (const entry of open.values()) {
        if (entry.reply === null) await replyTo(entry, "reject").catch(() => {});
      }
    },

    decide(decided) {
      const entry = [...open.values()].find(({ decisionId }) => decisionId === decided.decisionId);
      if (!entry || entry.reply !== null) return;
      void inTurn(() => applyInTheEnd(entry, decided));
    },

    isWaiting() {
      const waits = (entry: OpenAsk) => clock.monotonicMs() - entry.askedAt < (turn?.waitMs ?? 0) + lateMs;
      return [...open.values()].some((entry) => entry.reply === null && waits(entry));
    },

    failure: () => failure,
  };
}

function replyOf({ status, answers }: Decided): EngineReply {
  if (status === "approved") return "once";
  return status === "answered" && answers !== null ? answers : "reject";
}

function confirmation({ ask, decisionId }: OpenAsk, reply: EngineReply): RuntimeEvent[] {
  const said = { sessionID: ask.request.sessionID, requestID: ask.request.id, decisionId };
  if (Array.isArray(reply)) return [{ type: "question.replied", payload: { ...said, answers: reply } }];
  if (ask.type === "question.asked") return [{ type: "question.rejected", payload: said }];
  return [{ type: "permission.replied", payload: { ...said, reply: reply === "reject" ? "reject" : "once" } }];
}

/** Of the call itself, before anything is redacted or cut, whatever the order of its keys. */
function hashOf(request: object): string {
  const canonical = JSON.stringify(request, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash("sha256").update(canonical).digest("hex");
}
