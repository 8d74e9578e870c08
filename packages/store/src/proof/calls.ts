import type { RuntimeEvent } from "@open-cowork/contracts/events";
import type { WorkerStatus } from "@open-cowork/contracts/lifecycles";
import { refused } from "@open-cowork/contracts/outcome";
import type { Model } from "./model.ts";
import * as plane from "./plane-verbs.ts";
import * as worker from "./worker-verbs.ts";

/** One call of a verb, in the model's names: the same list of calls runs against the model and against the database. */
export type Call =
  | { verb: "enqueue"; lane: number; text: string }
  | { verb: "claim"; boot: number; request: string; limit: number }
  | { verb: "renew"; tokens: string[] }
  | { verb: "append"; batches: Batch[] }
  | { verb: "finish"; token: string; batch: number; events: RuntimeEvent[]; end: worker.End }
  | { verb: "signals"; token: string }
  | { verb: "checkpoint"; token: string }
  | { verb: "stop"; lane: number }
  | { verb: "recover" }
  | { verb: "promote" }
  | { verb: "settle" }
  | { verb: "advance"; ms: number }
  | { verb: "move"; worker: number; to: WorkerStatus }
  | { verb: "heartbeat"; boot: number; seq: number; draining: boolean }
  | { verb: "retry"; work: number; text: string | null }
  | { verb: "drop"; work: number }
  | { verb: "look"; lane: number };

export interface Batch {
  token: string;
  batch: number;
  events: RuntimeEvent[];
}

/** What the model answers to a call. `drawn`: see `claim` and `recover`. */
export function perform(m: Model, call: Call, drawn: readonly number[] = []): unknown {
  switch (call.verb) {
    case "enqueue":
      return plane.enqueue(m, call.lane, call.text);
    case "claim":
      return worker.claim(m, call.boot, call.request, call.limit, drawn);
    case "renew":
      return inLaneOrder(m, call.tokens, (token) => worker.renew(m, token));
    case "append":
      return call.batches.map(({ token, batch, events }) => worker.append(m, token, batch, events));
    case "finish":
      return worker.finish(m, call.token, call.batch, call.events, call.end);
    case "signals":
      return worker.takeSignals(m, call.token);
    case "checkpoint":
      return worker.saveCheckpoint(m, call.token);
    case "stop":
      return plane.stop(m, call.lane);
    case "recover":
      return plane.recover(m, drawn);
    case "promote":
      return plane.promoteDue(m);
    case "settle":
      return plane.settle(m);
    case "advance":
      return plane.advance(m, call.ms);
    case "move":
      return plane.moveWorker(m, call.worker, call.to);
    case "heartbeat":
      return worker.heartbeat(m, call.boot, call.seq, call.draining);
    case "retry":
      return m.work[call.work] ? plane.retryDeadLetter(m, call.work, call.text) : refused("not_found");
    case "drop":
      return m.work[call.work] ? plane.dropDeadLetter(m, call.work) : refused("not_found");
    case "look":
      return undefined;
  }
}

/** Batches are worked through by lane, and answered in the order of their inputs. */
function inLaneOrder<T>(m: Model, tokens: readonly string[], answer: (token: string) => T): T[] {
  const laneOf = (token: string) => m.work[m.tokens.get(token)!.work]!.lane;
  const answers = new Map([...tokens].sort((a, b) => laneOf(a) - laneOf(b)).map((token) => [token, answer(token)]));
  return tokens.map((token) => answers.get(token)!);
}

/** A failing schedule as a person reads it. */
export function describeCall(call: Call): string {
  const { verb, ...rest } = call;
  const events = (list: readonly RuntimeEvent[]) => list.map(describeEvent).join(" ");
  const plain = Object.entries(rest).map(([key, value]) => {
    if (key === "events") return `[${events(value as RuntimeEvent[])}]`;
    if (key === "batches")
      return (value as Batch[]).map((b) => `${b.token} batch ${b.batch} [${events(b.events)}]`).join(", ");
    if (key === "end")
      return Object.values(value as object)
        .filter(Boolean)
        .join(" ");
    return `${key} ${Array.isArray(value) ? value.join(",") : String(value)}`;
  });
  return [verb, ...plain].join(" ");
}

function describeEvent(event: RuntimeEvent): string {
  switch (event.type) {
    case "message.updated":
      return event.payload.info.id;
    case "message.part.updated":
      return `${event.payload.part.id}=${JSON.stringify(event.payload.part["text"])}`;
    case "message.part.delta":
      return `${event.payload.partID}@${event.payload.offset}+${event.payload.text}`;
    case "session.error":
      return "error";
    default:
      return event.type;
  }
}
