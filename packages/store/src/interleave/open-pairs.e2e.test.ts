import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDirector, type Director } from "./director.ts";
import { verbNames } from "./verbs.ts";

let director: Director;
beforeAll(async () => {
  director = await openDirector(2);
});
afterAll(() => director.close("of two, the first with its transaction open"));

describe("two verbs, of which the second runs while the first one's transaction is open,", () => {
  it.each(verbNames)("do what they do one after the other, when the first is %s", async (first) => {
    const problems: string[] = [];
    for (const second of verbNames) {
      problems.push(...(await director.open(first, second, "commit")));
      problems.push(...(await director.open(first, second, "rollback")));
    }
    expect(problems).toEqual([]);
  });
});
