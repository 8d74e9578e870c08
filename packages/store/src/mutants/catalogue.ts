import { asks } from "./asks.ts";
import { facts } from "./facts.ts";
import { fence } from "./fence.ts";
import type { Mutant } from "./mutant.ts";
import { keeping } from "./keeping.ts";
import { queue } from "./queue.ts";

/** Every seeded bug; `pnpm mutants` plants each and wants a test to fail. */
export const mutants: readonly Mutant[] = [...fence, ...queue, ...facts, ...keeping, ...asks];
