import { randomInt } from "node:crypto";

interface Proof {
  seed: number;
  numRuns: number;
}

/** For schedules that take a tenth of a second each: what is found is made shorter for minutes and not for hours. */
export const patient = ({ numRuns }: Proof) => ({
  interruptAfterTimeLimit: 300_000 + numRuns * 1_000,
  markInterruptAsFailure: true,
});

/** How often, and from which seed: a run says both, and `PROOF_SEED` and `PROOF_RUNS` repeat it. */
export function proofOf(what: string, runs: number): Proof {
  return proofsOf(what, runs, 1)[0]!;
}

/** What CI repeats, so that a red run there is about the change and not about luck; every other run takes new seeds. */
const seedsOfCi = [20261120, 1899082069, 446759743];

/** Several proofs side by side, each from a seed of its own; a given seed is run alone. */
export function proofsOf(what: string, runs: number, sides: number): Proof[] {
  const given = process.env["PROOF_SEED"];
  const beside = given === undefined ? sides : 1;
  const numRuns = Math.ceil(Number(process.env["PROOF_RUNS"] ?? runs) / beside);
  return Array.from({ length: beside }, (_, side) => {
    const seed = Number(given ?? (process.env["CI"] ? seedsOfCi[side] : undefined) ?? randomInt(2 ** 31));
    process.stdout.write(`${what}: ${numRuns} schedules, PROOF_SEED=${seed}\n`);
    return { seed, numRuns };
  });
}
