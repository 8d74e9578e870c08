import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDirector, type Director } from "./director.ts";
import type { VerbName } from "./verbs.ts";

let director: Director;
beforeAll(async () => {
  director = await openDirector(3);
});
afterAll(() => director.close("of three"));

/** Those that end or begin work of one organisation, so that all of them want its row. */
const busy: readonly VerbName[] = [
  "finish",
  "finish of two organisations",
  "release of two organisations",
  "enqueue behind what waits for room",
  "enqueue in an idle session",
  "stop of what is ready",
  "recover_lease",
  "revoke",
  "claim",
];
const orders = busy.flatMap((a) =>
  busy.flatMap((b) => busy.flatMap((c) => (a === b || b === c || a === c ? [] : [[a, b, c] as const]))),
);

describe("three verbs that queue for one organisation's row", () => {
  it.each(busy)("never deadlock and leave everything true, when the first is %s", async (first) => {
    const problems: string[] = [];
    for (const order of orders.filter(([a]) => a === first))
      problems.push(...(await director.gated(order, "tenant one")));
    expect(problems).toEqual([]);
  });
});
