import type { Outcome } from "@open-cowork/contracts/outcome";
import type { Bug } from "./bugs.ts";
import { Callers, shapeOf, spareBoot } from "./callers.ts";
import { describeCall, perform, type Call } from "./calls.ts";
import { healedProblems, historyProblems } from "./check-history.ts";
import { readerProblems, snapshotOf, stateProblems, type Reader } from "./check-state.ts";
import { createModel, type Model } from "./model.ts";
import { isDone } from "./plane-verbs.ts";
import type { Given } from "./worker-verbs.ts";

/** Fewer than in production, so that short schedules reach the end of everybody's patience. */
export const caps = { strikes: 3, attempts: 6, refusals: 1 };

export interface Run {
  problems: string[];
  calls: Call[];
  model: Model;
}

/** Runs a schedule against the model and checks everything, after each call and at the end; then heals it. */
export function runOnModel(schedule: Iterable<number>, bug: Bug | null = null): Run {
  const numbers = [...schedule];
  const model = createModel(shapeOf(numbers[0] ?? 0), caps, bug);
  const callers = new Callers(model);
  const calls: Call[] = [];
  const readers: Reader[] = [];
  const step = (call: Call, lost = false): { answer: unknown; problems: string[] } => {
    calls.push(call);
    const answer = perform(model, call);
    callers.hear(call, answer, lost);
    if (call.verb === "look") readers.push(snapshotOf(model, call.lane));
    return { answer, problems: stateProblems(model) };
  };
  const done = (problems: string[]): Run => ({ problems, calls, model });

  for (const number of numbers)
    for (const { call, lost } of callers.plan(number)) {
      const { problems } = step(call, lost);
      if (problems.length > 0) return done(problems);
    }
  for (const heal of healing(model)) {
    let answer: unknown;
    for (let next = heal.next(); !next.done; next = heal.next(answer)) {
      const taken = step(next.value);
      if (taken.problems.length > 0) return done(taken.problems);
      answer = taken.answer;
    }
  }
  return done([
    ...historyProblems(model.history, model.audit, model.workers.length),
    ...healedProblems(model.history),
    ...readerProblems(model, readers),
  ]);
}

const roundsMost = 40;

/** All lost leases expire, every pause ends, and a worker that nobody harms takes what there is until nothing is left. */
export function* healing(model: Model): Generator<Generator<Call, void, unknown>> {
  for (let round = 0; round < roundsMost && !isDone(model); round += 1) yield healingRound(round);
}

function* healingRound(round: number): Generator<Call, void, unknown> {
  yield { verb: "advance", ms: 30_600 };
  yield { verb: "recover" };
  yield { verb: "promote" };
  yield { verb: "settle" };
  for (let n = 0; n < roundsMost; n += 1) {
    const request = `healing-${round}-${n}`;
    const claimed = (yield { verb: "claim", boot: spareBoot, request, limit: 10 }) as Outcome<Given[]>;
    if (!claimed.ok || claimed.value.length === 0) return;
    for (const { token, nextBatch } of claimed.value)
      yield { verb: "finish", token, batch: nextBatch, events: [], end: { outcome: "succeeded", reason: null } };
  }
}

export function describeRun({ problems, calls }: Run): string {
  return [...problems, "after:", ...calls.map((call) => `  ${describeCall(call)}`)].join("\n");
}
