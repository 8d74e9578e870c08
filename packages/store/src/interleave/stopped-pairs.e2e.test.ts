import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDirector, type Director } from "./director.ts";
import { hold, rows, type Row } from "./rows.ts";
import { verbNames, verbs, type Verb, type VerbName } from "./verbs.ts";

let director: Director;
beforeAll(async () => {
  director = await openDirector(2);
});
afterAll(() => director.close("of two, the first stopped on its way"));

const verbOf = (name: VerbName): Verb => verbs[name];
/** Whether there is a row that both lock: the first test here proves that the table knows all of them. */
const meet = (a: VerbName, b: VerbName): boolean => rowsOf(a).some((row) => rowsOf(b).includes(row));
const rowsOf = (name: VerbName): readonly Row[] => [...verbOf(name).waitsFor, ...(verbOf(name).passesOver ?? [])];

describe("a verb", () => {
  it("waits for the rows that the table says, and for no other that any verb locks", async () => {
    const { stage, seats } = director;
    await stage.restore();
    const found = new Map<VerbName, Row[]>(verbNames.map((name) => [name, []]));
    for (const row of rows) {
      for (const name of verbNames) {
        const release = await seats.hold([hold(row, stage.scene)]);
        await seats.run(0, name, "begin");
        const started = seats.start(0, name);
        if ((await seats.reached(started)).length > 0) found.get(name)!.push(row);
        await release();
        await seats.ended(started);
        await seats.run(0, name, "rollback");
      }
    }
    const inOrder = (of: readonly Row[]) => [...of].sort();
    expect(Object.fromEntries(verbNames.map((name) => [name, inOrder(found.get(name)!)]))).toEqual(
      Object.fromEntries(verbNames.map((name) => [name, inOrder(verbOf(name).waitsFor)])),
    );
  });
});

describe("two verbs, of which the first is stopped at any row that it locks,", () => {
  it.each(verbNames)("do what they do one after the other, when the first is %s", async (first) => {
    const problems: string[] = [];
    for (const row of verbOf(first).waitsFor)
      for (const second of verbNames.filter((name) => meet(first, name)))
        problems.push(...(await director.gated([first, second], row)));
    expect(problems).toEqual([]);
  });
});
