import { sql } from "kysely";
import { Callers, shapeOf } from "./callers.ts";
import { perform, type Call } from "./calls.ts";
import { healedProblems, historyProblems } from "./check-history.ts";
import { readerProblems, snapshotOf, sorted, stateProblems, type Reader } from "./check-state.ts";
import { RealPlane } from "./database.ts";
import { createModel, type Model } from "./model.ts";
import type { Recovered } from "./plane-verbs.ts";
import { readReader, readState } from "./read-state.ts";
import { caps, healing, type Run } from "./run-model.ts";
import { abandon, createCast, type Stage } from "./stage.ts";
import type { Fact, State } from "./state.ts";

/**
 * Runs a schedule against Postgres and the model in step: every answer must be the one that the model predicts, and the
 * rows must be its rows and keep the same invariants, before and after the healing and after each n-th call: each one
 * names the call that went wrong, fewer are much faster.
 */
export async function runOnDatabase(stage: Stage, schedule: readonly number[], compareEach: number): Promise<Run> {
  const shape = shapeOf(schedule[0] ?? 0);
  const cast = await createCast(stage, shape);
  const model = createModel(shape, caps);
  model.floor = cast.floor;
  model.tagsElsewhere = cast.tagsElsewhere;
  const plane = new RealPlane(stage, cast, (work) => model.work[work]?.lane ?? 0);
  const callers = new Callers(model);
  const calls: Call[] = [];
  const readers: Reader[] = [];
  const requests = new Set<string>();

  const step = async (call: Call, lost = false): Promise<unknown> => {
    calls.push(call);
    const answer = await plane.perform(call);
    const predicted = perform(model, call, drawnIn(call, answer));
    // A repeated claim promises the same leases, not their order.
    const isRepeat = call.verb === "claim" && requests.has(call.request);
    if (call.verb === "claim") requests.add(call.request);
    const texts = [answer, predicted]
      .map((one) => (isRepeat && isGiven(one) ? one.value.sort(byWork) : one))
      .map(textOf);
    if (texts[0] !== texts[1])
      throw new Disagreement([`the database answers ${texts[0]}`, `the model answers  ${texts[1]}`]);
    if (call.verb === "finish") await takePause(stage, plane, model, call.token);
    callers.hear(call, answer, lost);
    if (call.verb === "look") readers.push(await readReader(stage, cast, plane.commands, call.lane));
    if (calls.length % compareEach === 0) await compare();
    return answer;
  };
  const compare = async (): Promise<{ state: State; history: Fact[] }> => {
    const read = await readState(stage, cast, plane.commands);
    const problems = [...differences(read.state, model), ...stateProblems(read.state)];
    if (problems.length > 0) throw new Disagreement(problems);
    return read;
  };

  try {
    for (const number of schedule) for (const { call, lost } of callers.plan(number)) await step(call, lost);
    await compare();
    for (const heal of healing(model))
      for (let next = heal.next(); !next.done;) next = heal.next(await step(next.value));
    const { state, history } = await compare();
    const refusals = model.history.filter((fact) => fact.is === "refused");
    // Sessions in which a runtime spoke, through the door's own query; the rows speak for the others.
    const spoken = state.lanes.flatMap(({ parts }, lane) => (Object.keys(parts).length > 0 ? [lane] : []));
    const snapshots = new Map<number, Reader>();
    for (const lane of spoken) snapshots.set(lane, await readReader(stage, cast, plane.commands, lane));
    const problems = [
      ...historyProblems([...history, ...refusals], state.audit, cast.workers.length),
      ...healedProblems(history),
      ...readerProblems(state, readers, (rows, lane) => snapshots.get(lane) ?? snapshotOf(rows, lane)),
    ];
    if (problems.length > 0) throw new Disagreement(problems);
    return { problems: [], calls, model };
  } catch (error) {
    await abandon(stage, cast);
    if (error instanceof Disagreement) return { problems: error.problems, calls, model };
    return { problems: [`${(error as Error).name}: ${(error as Error).message}`], calls, model };
  }
}

/** The order in which the database took rows: where they stand equal, it may choose. */
function drawnIn(call: Call, answer: unknown): number[] {
  if (call.verb === "claim" && isGiven(answer)) return answer.value.map(({ work }) => work);
  return call.verb === "recover" ? (answer as Recovered[]).map(({ lane }) => lane) : [];
}

class Disagreement extends Error {
  readonly problems: string[];
  constructor(problems: string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

const textOf = (value: unknown) => JSON.stringify(sorted(value)) ?? "nothing";
const byWork = (a: { work: number }, b: { work: number }) => a.work - b.work;

function isGiven(answer: unknown): answer is { ok: true; value: Array<{ work: number }> } {
  return typeof answer === "object" && answer !== null && "value" in answer && Array.isArray(answer.value);
}

/**
 * The database draws the pause before a retry. It must lie within 20 % of the table's; then it becomes the one that the
 * model named, so that both go on from the same moment.
 */
async function takePause(stage: Stage, plane: RealPlane, model: Model, token: string): Promise<void> {
  const { work: index } = model.tokens.get(token)!;
  const work = model.work[index]!;
  if (work.status !== "queued" || !work.paused) return;
  const meantMs = work.pauseMs - 50;
  const { rows } = await sql<{ ms: number }>`
    with ended as (select a.ended_at, w.work_id, w.available_at from cowork.work w join cowork.attempts a using (work_id, attempt)
      where w.command_id = ${plane.commands[index]})
    update cowork.work w set available_at = e.ended_at + ${work.pauseMs}::float8 * interval '1 millisecond' from ended e
      where w.work_id = e.work_id and w.status = 'queued'
      returning (extract(epoch from e.available_at - e.ended_at) * 1000)::float8 as ms`.execute(stage.owner.db);
  const drawnMs = rows[0]?.ms ?? -1;
  if (drawnMs < meantMs * 0.8 - 1 || drawnMs > meantMs * 1.2 + 1)
    throw new Disagreement([`work ${index} pauses ${drawnMs} ms, ${meantMs} ms ± 20 % were meant`]);
}

/** Clocks differ by the number of looks at them. */
const clockToleranceMs = 25;

function differences(state: State, model: Model): string[] {
  const problems: string[] = [];
  diff("", comparable(state), comparable(model), problems);
  return problems.map((line) => `rows differ (database, model): ${line}`);
}

function comparable(state: State): unknown {
  const { tenants, lanes, work, attempts, workers, floor, audit, dead } = state;
  return {
    tenants,
    floor,
    workers,
    lanes: lanes.map((lane) => ({ ...lane, events: lane.events.map((event) => sorted(event)) })),
    work: work.map(({ availableAt, isHead, tag, ...row }) => ({
      ...row,
      // Rows do not say why they wait.
      paused: null,
      pauseMs: null,
      ...(row.status === "queued" || row.status === "ready" ? { availableAt, isHead } : {}),
      ...(row.status === "ready" ? { tag } : {}),
    })),
    attempts: [...attempts]
      .sort((a, b) => a.work - b.work || a.attempt - b.attempt)
      .map(({ work, attempt, worker, boot, outcome, reason, checkpoint, refused }) => ({
        work,
        attempt,
        worker,
        boot,
        outcome,
        reason,
        checkpoint,
        refused,
      })),
    audit: [...audit].sort(),
    dead: [...dead].sort((a, b) => a - b),
  };
}

function diff(path: string, a: unknown, b: unknown, problems: string[]): void {
  if (problems.length > 8 || Object.is(a, b)) return;
  if (typeof a === "number" && typeof b === "number" && path.endsWith("At") && Math.abs(a - b) < clockToleranceMs)
    return;
  if (typeof a === "object" && typeof b === "object" && a !== null && b !== null) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
      diff(`${path}.${key}`, (a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], problems);
    return;
  }
  problems.push(`${path}: ${JSON.stringify(a)}, ${JSON.stringify(b)}`);
}
