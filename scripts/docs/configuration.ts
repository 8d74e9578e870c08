import { configFileEnv } from "@open-cowork/contracts/config/load";
import { services } from "@open-cowork/contracts/config/services";
import { leavesOf, type Leaf } from "@open-cowork/contracts/config/setting";
import { generatedNote } from "./generated-note.ts";

/** docs/configuration.md: every setting of every service, from the same schemas that read them. */
export function configurationPage(): string {
  const sections = Object.entries(services).map(([name, { schema, about }]) =>
    [`## ${name}`, "", about, "", ...table(leavesOf(schema))].join("\n"),
  );
  return `# Configuration

${generatedNote}

Settings come from the environment. \`${configFileEnv}\` may name a JSON file that holds the same settings by path
(\`{ "database": { "deadlineMs": 3000 } }\`); the environment wins. A section that names only some of its settings keeps
the defaults of the others. An empty variable counts as not set. A name with our prefix that no service knows is an
error, with its path. A secret may come from a file instead, by its name with \`_FILE\`.

${sections.join("\n\n")}
`;
}

function table(leaves: Leaf[]): string[] {
  const rows = leaves.map((leaf) => {
    const name = leaf.meta.secret ? `\`${leaf.env}\`, \`${leaf.env}_FILE\`` : `\`${leaf.env}\``;
    return `| ${name} | \`${leaf.path.join(".")}\` | ${valueOf(leaf)} | ${leaf.meta.help} |`;
  });
  return ["| Environment | Path | Default | What it does |", "|---|---|---|---|", ...rows];
}

function valueOf(leaf: Leaf): string {
  if (leaf.required) return "**required**";
  const fallback = leaf.defaultText === undefined ? "none" : `\`${leaf.defaultText}\``;
  return leaf.choices ? `${fallback} (of ${leaf.choices.map((choice) => `\`${choice}\``).join(", ")})` : fallback;
}
