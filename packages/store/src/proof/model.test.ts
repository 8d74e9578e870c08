import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bugs, type Bug } from "./bugs.ts";
import { proofOf } from "./replay.ts";
import { describeRun, runOnModel } from "./run-model.ts";

/** Each number is one step; shrinking drops steps and makes numbers smaller, which are the simpler steps. */
const schedules = fc.noBias(fc.array(fc.nat(2 ** 32 - 1), { minLength: 20, maxLength: 60, size: "max" }));

describe("the protocol", () => {
  it("keeps every invariant under random schedules, and heals", () => {
    const proof = proofOf("the protocol's model", 2_000);
    fc.assert(
      fc.property(schedules, (schedule) => {
        const run = runOnModel(schedule);
        if (run.problems.length > 0) throw new Error(describeRun(run));
      }),
      proof,
    );
    expect(proof.numRuns).toBeGreaterThan(0);
  });
});

describe("the checker finds a protocol in which", () => {
  it.each(Object.entries(bugs))("%s: %s", (bug) => {
    // Most are found within a few hundred; the rarest needs three thousand on average, and now and then hid from twenty thousand.
    const proof = { ...proofOf(bug, 60_000), endOnFailure: true };
    const found = fc.check(
      fc.property(schedules, (schedule) => runOnModel(schedule, bug as Bug).problems.length === 0),
      proof,
    );
    expect(found.failed, `${bug} went unnoticed`).toBe(true);
  });
});
