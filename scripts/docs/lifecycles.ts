import { lifecycles, workerLifecycle } from "@open-cowork/contracts/lifecycles";
import { generatedNote } from "./generated-note.ts";

/** docs/lifecycles.md: each state machine, drawn from the table that SQL, API and buttons read. */
export function lifecyclesPage(): string {
  const drawings = Object.entries(lifecycles).map(([name, table]) => `## ${name}\n\n${draw(table)}`);
  return `# Lifecycles

${generatedNote}

A state is written only by a compare-and-set from one of its lawful predecessors. Every arrow that is not here is
refused.

${drawings.join("\n\n")}

## What a worker may do

| State | Heartbeat accepted | Claims | Renews |
|---|---|---|---|
${Object.entries(workerLifecycle)
  .map(([state, row]) => `| ${state} | ${yes(row.heartbeats)} | ${yes(row.claims)} | ${yes(row.renews)} |`)
  .join("\n")}
`;
}

function draw(table: Record<string, { readonly next: readonly string[] }>): string {
  const [first] = Object.keys(table);
  const arrows = Object.entries(table).flatMap(([from, row]) =>
    row.next.length === 0 ? [`  ${from} --> [*]`] : row.next.map((to) => `  ${from} --> ${to}`),
  );
  return ["```mermaid", "stateDiagram-v2", `  [*] --> ${first}`, ...arrows, "```"].join("\n");
}

function yes(value: boolean): string {
  return value ? "yes" : "no";
}
