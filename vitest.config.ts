import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const exclude = ["**/node_modules/**", "**/.open-cowork/**"];
const proofs = ["packages/store/src/{proof,interleave}/*.e2e.test.ts"];

export default defineConfig({
  test: {
    // Of the root and not of a project: one PostgreSQL serves the whole run.
    globalSetup: "./packages/testkit/src/postgres/global-setup.ts",
    reporters: ["default", "./scripts/test/closing-line.ts"],
    projects: [
      {
        test: {
          name: "fast",
          include: ["*.test.ts", "{apps,packages,scripts}/**/*.test.ts"],
          exclude: [...exclude, "**/*.e2e.test.ts"],
          testTimeout: 15_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["{apps,packages,scripts}/**/*.e2e.test.ts"],
          exclude: [...exclude, ...proofs],
          // Whole stacks with real OpenCode processes: side by side they would only measure each other.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "proof",
          include: proofs,
          exclude,
          // Each has databases of its own and measures nothing: after all others, on every core.
          maxWorkers: Math.max(2, availableParallelism()),
          sequence: { groupOrder: 1 },
          testTimeout: 1_800_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
