import { isCode, type Sources } from "./sources.ts";

const longestFile = 400;
const longestDoor = 15;
/** What a tool wrote, or the law. */
const mayBeLong =
  /^pnpm-lock\.yaml$|^LICENSE$|^docs\/(configuration|lifecycles|reasons)\.md$|^packages\/store\/schema\.sql$|\/fixtures\//;
const notNouns = /\/(utils?|helpers?|services|domains|common|misc)\//;

/** Every room says in a few lines what lives there, what may not, and where the door is. */
export function roomProblems(sources: Sources): string[] {
  const rooms = new Set(
    [...sources.keys()].flatMap(
      (path) => /^(?:(?:apps|packages)\/[^/]+|deploy|observability|scripts)(?=\/)/.exec(path) ?? [],
    ),
  );
  return [...rooms].flatMap((room) => {
    const door = sources.get(`${room}/README.md`);
    if (door === undefined)
      return [`${room} has no README.md: say what lives there, what may not, and where the door is`];
    const lines = door.trimEnd().split("\n").length;
    return lines > longestDoor
      ? [`${room}/README.md has ${lines} lines: at most ${longestDoor}, the rest belongs in docs/`]
      : [];
  });
}

/** turbo skips a room that has no such script, and says nothing. */
export function checkedProblems(sources: Sources): string[] {
  return [...sources]
    .filter(([path]) => /^(apps|packages)\/[^/]+\/package\.json$/.test(path))
    .filter(
      ([, text]) => (JSON.parse(text) as { scripts?: Record<string, string> }).scripts?.["typecheck"] !== "tsc -p .",
    )
    .map(([path]) => `${path} has no script "typecheck": "tsc -p .", so its types would not be checked`);
}

export function fileProblems(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => {
    const problems: string[] = [];
    const lines = text.trimEnd().split("\n").length;
    if (lines > longestFile && !mayBeLong.test(path))
      problems.push(`${path} has ${lines} lines: at most ${longestFile}, one idea each`);
    if (isCode(path) && !/^[a-z0-9.-]+$/.test(path.split("/").at(-1)!)) problems.push(`${path}: files are kebab-case`);
    if (notNouns.test(`/${path}`)) problems.push(`${path}: folders are nouns of our domain`);
    return problems;
  });
}
