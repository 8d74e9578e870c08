export interface Killed {
  bug: string;
  files: readonly string[];
  by: { file: string; title: string } | null;
}

/** docs/mutants.md: which test notices which bug. */
export function mutantsPage(all: readonly Killed[]): string {
  const row = ({ bug, files, by }: Killed) =>
    `| ${cell(bug)} | ${files.map((file) => `\`${file}\``).join(", ")} | ${by ? `${cell(by.title)} (\`${by.file}\`)` : "**nothing**"} |`;
  return `# Seeded bugs

Written by \`npx -y pnpm mutants\`; do not edit. Each row is a small change somebody could make to the store by mistake. The
command plants them one at a time in a copy of the code and runs the store's tests: the right column is the first one that
noticed. A bug that nothing notices fails the command.

${all.filter((each) => each.by !== null).length} of ${all.length} are noticed.

| Bug | Planted in | Noticed by |
|---|---|---|
${all.map(row).join("\n")}
`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
