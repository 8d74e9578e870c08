import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { proofOf } from "./replay.ts";
import { runOnDatabase } from "./run-database.ts";
import { caps, describeRun } from "./run-model.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await createStage(caps);
});
afterAll(() => stage.drop());

it(
  "the database answers as the model predicts, and its rows are the model's, after every call of a few schedules",
  { timeout: 120_000 },
  async () => {
    const schedules = fc.noBias(fc.array(fc.nat(2 ** 32 - 1), { minLength: 20, maxLength: 40, size: "max" }));
    const proof = proofOf("the database in step with the model, call by call", 10);
    let calls = 0;
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        const run = await runOnDatabase(stage, schedule, 1);
        calls += run.calls.length;
        if (run.problems.length > 0) throw new Error(describeRun(run));
      }),
      proof,
    );
    expect(calls).toBeGreaterThan(proof.numRuns);
  },
);
