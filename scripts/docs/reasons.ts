import { failures, refusals, type RefusalRow } from "@open-cowork/contracts/refusals";
import { generatedNote } from "./generated-note.ts";

const retries = { never: "no", later: "yes, counted", free: "yes, free" } as const;

/** docs/reasons.md: every way the plane says no, and everything that work can fail of. */
export function reasonsPage(): string {
  const refused = Object.entries<RefusalRow>(refusals).map(
    ([reason, row]) =>
      `| \`${reason}\` | ${row.http} | ${row.retryable ? "yes" : "no"} | ${row.audit ? `\`${row.audit}\`` : ""} | ${row.means} |`,
  );
  const failed = Object.entries(failures).map(
    ([reason, row]) => `| \`${reason}\` | ${retries[row.retry]} | ${row.means} |`,
  );
  return `# Reasons

${generatedNote}

Code acts on the reason and never on a message: it is in the answer, in the metric's label and in the audit.

## Refusals

| Reason | HTTP | Can succeed later | Audit | Means |
|---|---|---|---|---|
${refused.join("\n")}

## Failures

Facts about work, stored with it.

| Reason | Tried again | Means |
|---|---|---|
${failed.join("\n")}
`;
}
