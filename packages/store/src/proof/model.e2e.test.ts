import fc from "fast-check";
import { expect, it } from "vitest";
import { proofOf } from "./replay.ts";
import { describeRun, runOnModel } from "./run-model.ts";

it("the protocol keeps every invariant under a hundred thousand random schedules, and heals", () => {
  const schedules = fc.noBias(fc.array(fc.nat(2 ** 32 - 1), { minLength: 20, maxLength: 60, size: "max" }));
  const proof = proofOf("the protocol's model", 100_000);
  let calls = 0;
  fc.assert(
    fc.property(schedules, (schedule) => {
      const run = runOnModel(schedule);
      calls += run.calls.length;
      if (run.problems.length > 0) throw new Error(describeRun(run));
    }),
    proof,
  );
  expect(calls).toBeGreaterThan(proof.numRuns);
});
