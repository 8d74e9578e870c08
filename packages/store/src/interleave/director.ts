import { systemClock } from "@open-cowork/contracts/clock";
import { findLies } from "./invariants.ts";
import { hold, type Row } from "./rows.ts";
import { openSeats, type Seats, type Started } from "./seats.ts";
import { look } from "./sight.ts";
import { openStage, type Stage } from "./stage.ts";
import { verbs, type Verb, type VerbName } from "./verbs.ts";

/** What a schedule of calls answered and what it left behind. */
interface Ending {
  answers: string;
  sight: string;
}

/** One call, while somebody else holds some rows. */
interface Step {
  verb: VerbName;
  besides: readonly Row[];
}

/**
 * Plays calls of verbs against each other and judges what came of it: nothing failed (a deadlock is a failure), nobody
 * waited for anybody but the others, and the answers with what they left are those of one after the other in some order.
 */
export interface Director {
  stage: Stage;
  seats: Seats;
  /** A keeps its transaction open while B runs, then ends it; B may have to wait for that. */
  open(a: VerbName, b: VerbName, end: "commit" | "rollback"): Promise<string[]>;
  /** All start, in this order, while somebody holds a row on their way; then the row is let go. */
  gated(order: readonly VerbName[], row: Row): Promise<string[]>;
  /** Says how many there were, with their name if they have one. */
  close(kind?: string): Promise<void>;
}

const verbOf = (name: VerbName): Verb => verbs[name];
const locked = (name: VerbName): readonly Row[] => [...verbOf(name).waitsFor, ...(verbOf(name).passesOver ?? [])];
/** Lanes whose waiting head only their holder can promote. */
const waitingLanes: ReadonlySet<Row> = new Set(["lane q", "lane y"]);

export async function openDirector(callers: number): Promise<Director> {
  const stage = await openStage();
  const seats = await openSeats(stage.scene, callers);
  const serials = new Map<string, Promise<Ending | null>>();
  const { scene } = stage;
  const holdAll = (rows: readonly Row[]) => seats.hold(rows.map((row) => hold(row, scene)));

  /** One after the other, each while somebody else holds some rows (which it does not wait for). */
  const playSerial = async (steps: readonly Step[]): Promise<Ending | null> => {
    await stage.restore();
    const answers: string[] = [];
    let waited = false;
    for (const [n, { verb, besides }] of steps.entries()) {
      const release = besides.length > 0 ? await holdAll(besides) : async () => {};
      const started = seats.start(n, verb);
      waited ||= (await seats.reached(started)).length > 0;
      await release();
      answers.push(await seats.ended(started));
    }
    const verbsInOrder = steps.map((step) => step.verb);
    // After the first call another may need a row that alone it passes over: not a single call beside held rows.
    return waited ? null : { answers: answersOf(verbsInOrder, answers), sight: JSON.stringify(await look(stage.desk)) };
  };
  const serial = (steps: readonly Step[]): Promise<Ending | null> => {
    const key = JSON.stringify(steps);
    const known = serials.get(key) ?? playSerial(steps);
    serials.set(key, known);
    return known;
  };

  /** All serial orders; then those in which who passes over held rows did so. `undone` held its rows and rolled back. */
  async function* lawful(
    names: readonly VerbName[],
    gate: Row | null,
    undone: readonly VerbName[],
  ): AsyncGenerator<Ending | null> {
    const orders = permutations(names.map((_, n) => n));
    for (const order of orders) yield serial(order.map((n) => ({ verb: names[n]!, besides: [] })));
    for (const order of orders) {
      const choices = order.map((n) =>
        heldBesides(names, n, gate, undone).map((besides) => ({ verb: names[n]!, besides })),
      );
      for (const steps of product(choices)) if (steps.some((step) => step.besides.length > 0)) yield serial(steps);
    }
  }

  const judge = async (
    names: readonly VerbName[],
    given: readonly string[],
    { gate = null, undone = [] }: { gate?: Row | null; undone?: readonly VerbName[] },
  ): Promise<string[]> => {
    const sight = JSON.stringify(await look(stage.desk));
    const roomMayStay =
      gate !== null && waitingLanes.has(gate) && !names.some((name) => verbOf(name).waitsFor.includes(gate));
    const problems = await findLies(stage.desk, roomMayStay);
    problems.push(...given.filter((answer) => answer.startsWith("failed")));
    // Of three, only what must always be true is asked: their lawful orders, with all that each may pass over, are too many.
    if (
      problems.length > 0 ||
      names.length > 2 ||
      names.some((name) => names.some((other) => verbOf(name).decidesEach?.includes(other)))
    )
      return problems;
    const answers = answersOf(names, given);
    for await (const ending of lawful(names, gate, undone))
      if (ending?.sight === sight && ending.answers === answers) return [];
    const reference = await serial(names.map((verb) => ({ verb, besides: [] })));
    return [`no order of single calls does this: ${answers} ${difference(reference!.sight, sight)}`];
  };

  let schedules = 0;
  /** The longest that anybody went on after whoever it waited for had ended, and in which schedule. */
  let longest = { ms: 0, in: "" };
  const noteWait = (sinceMs: number, schedule: string) => {
    const ms = Math.round(systemClock.monotonicMs() - sinceMs);
    if (ms > longest.ms) longest = { ms, in: schedule };
  };
  return {
    stage,
    seats,
    open: async (a, b, end) => {
      schedules += 1;
      await stage.restore();
      await seats.run(0, a, "begin");
      const first = await seats.ended(seats.start(0, a));
      const second = seats.start(1, b);
      const waitsFor = await seats.reached(second);
      const endedAt = systemClock.monotonicMs();
      await seats.run(0, a, end);
      const answer = await seats.ended(second);
      noteWait(endedAt, `${b} while ${a} is open`);
      const problems = unlawfulWait(second, waitsFor, [seats.pidOf(0, a)], [a]);
      problems.push(
        ...(await (end === "commit" ? judge([a, b], [first, answer], {}) : judge([b], [answer], { undone: [a] }))),
      );
      return problems.map((problem) => `${b} while ${a} is open, then ${end}: ${problem}`);
    },
    gated: async (order, row) => {
      schedules += 1;
      await stage.restore();
      const release = await holdAll([row]);
      const started: Started[] = [];
      const problems: string[] = [];
      for (const [n, verb] of order.entries()) {
        started.push(seats.start(n, verb));
        const waitsFor = await seats.reached(started[n]!);
        const before = started.slice(0, n);
        const allowed = [seats.holder, ...before.map((each) => each.pid)];
        problems.push(
          ...unlawfulWait(
            started[n]!,
            waitsFor,
            allowed,
            before.map((each) => each.verb),
            row,
          ),
        );
      }
      const releasedAt = systemClock.monotonicMs();
      await release();
      const answers = await Promise.all(started.map((each) => seats.ended(each)));
      noteWait(releasedAt, `${order.join(", then ")}, stopped at ${row}`);
      problems.push(...(await judge(order, answers, { gate: row })));
      return problems.map((problem) => `${order.join(", then ")}, stopped at ${row}: ${problem}`);
    },
    close: async (kind) => {
      if (kind)
        process.stdout.write(
          `${schedules} interleavings ${kind}; the longest wait went on for ${longest.ms} ms (${longest.in})\n`,
        );
      await seats.close();
      await stage.close();
    },
  };
}

/** It waits for the others and for nobody else, and only for a row that the table says it waits for. */
function unlawfulWait(
  { verb }: Started,
  waitsFor: readonly number[],
  allowed: readonly number[],
  others: readonly VerbName[],
  gate?: Row,
): string[] {
  if (waitsFor.length === 0) return [];
  if (waitsFor.some((pid) => !allowed.includes(pid))) return [`${verb} waits for a stranger`];
  const held = new Set<Row>([...others.flatMap(locked), ...(gate === undefined ? [] : [gate])]);
  return verbOf(verb).waitsFor.some((row) => held.has(row)) || others.includes(verb)
    ? []
    : [`${verb} waits, which the table does not allow`];
}

/**
 * Which rows somebody may lawfully have held beside the n-th call: the gate, and what the others lock. Not for a repeat of
 * the same call, which has to find what the first one did; and never rows that the call would wait for.
 */
function heldBesides(names: readonly VerbName[], n: number, gate: Row | null, undone: readonly VerbName[]): Row[][] {
  const verb = verbOf(names[n]!);
  const others = [...undone, ...names.filter((name, m) => m !== n && name !== names[n])].flatMap(locked);
  const passable = (rows: readonly Row[]) => rows.filter((row) => !verb.waitsFor.includes(row));
  const lanes = others.filter((row) => verb.passesOver?.includes(row));
  const gates = gate === null ? [] : passable([gate]);
  return [[], gates, lanes, [...gates, ...lanes]].filter(
    (rows, at, all) => all.findIndex((other) => String(other) === String(rows)) === at,
  );
}

function answersOf(names: readonly VerbName[], answers: readonly string[]): string {
  return names
    .map((name, n) => `${name}: ${answers[n]!}`)
    .sort()
    .join(" | ");
}

function difference(expected: string, seen: string): string {
  const [left, right] = [JSON.parse(expected), JSON.parse(seen)] as Array<Record<string, unknown>>;
  return Object.keys(left!)
    .filter((key) => JSON.stringify(left![key]) !== JSON.stringify(right![key]))
    .map((key) => `${key}: one after the other ${JSON.stringify(left![key])}, now ${JSON.stringify(right![key])}`)
    .join("; ");
}

function permutations(of: readonly number[]): number[][] {
  if (of.length <= 1) return [[...of]];
  return of.flatMap((first) => permutations(of.filter((other) => other !== first)).map((rest) => [first, ...rest]));
}

function product<T>(choices: readonly T[][]): T[][] {
  return choices.reduce<T[][]>((made, next) => made.flatMap((head) => next.map((tail) => [...head, tail])), [[]]);
}
