import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { patient, proofsOf } from "./replay.ts";
import { runOnDatabase } from "./run-database.ts";
import { caps, describeRun } from "./run-model.ts";
import { createStage, type Stage } from "./stage.ts";

/** Each side has a database, because moving time is global to one; they fill the waits of each other. */
const proofs = proofsOf("the database in step with the model", 2_000, 3);
/** See docs/proof.md for what only a comparison after each call would find. */
const compareEach = 10;
const stages: Stage[] = [];
beforeAll(async () => {
  for (const _ of proofs) stages.push(await createStage(caps));
});
afterAll(async () => {
  await Promise.all(stages.map((stage) => stage.drop()));
});

it("the database answers as the model predicts, and its rows are the model's, under two thousand random schedules", async () => {
  const schedules = fc.noBias(fc.array(fc.nat(2 ** 32 - 1), { minLength: 20, maxLength: 40, size: "max" }));
  let calls = 0;
  let disagreed = 0;
  await Promise.all(
    proofs.map((proof, n) =>
      fc.assert(
        fc.asyncProperty(schedules, async (schedule) => {
          const run = await runOnDatabase(stages[n]!, schedule, compareEach);
          calls += run.calls.length;
          if (run.problems.length === 0) return;
          disagreed += 1;
          if (disagreed === 1)
            process.stdout.write(
              `seed ${proof.seed} disagrees; looking for fewer calls that do:\n${describeRun(run)}\n`,
            );
          throw new Error(describeRun(run));
        }),
        { ...proof, ...patient(proof) },
      ),
    ),
  );
  process.stdout.write(`${calls} calls agreed\n`);
  expect(calls).toBeGreaterThan(proofs.length);
});
