import { posix } from "node:path";
import type { Sources } from "./sources.ts";

/** Relative links and anchors of every page lead somewhere; links to the outside are not followed. */
export function linkProblems(sources: Sources): string[] {
  const folders = new Set([...sources.keys()].flatMap(foldersAbove));
  return [...sources]
    .filter(([path]) => path.endsWith(".md"))
    .flatMap(([path, text]) =>
      linksOf(text).flatMap((link) => {
        const [file, anchor] = link.split("#") as [string, string?];
        const target = file
          ? posix.normalize(posix.join(posix.dirname(path), decodeURI(file))).replace(/\/$/, "")
          : path;
        const page = sources.get(target);
        if (page === undefined && !folders.has(target)) return [`${path} links to ${link}: there is no ${target}`];
        if (!anchor || page === undefined || !target.endsWith(".md")) return [];
        return anchorsOf(page).has(anchor) ? [] : [`${path} links to ${link}: ${target} has no heading #${anchor}`];
      }),
    );
}

function linksOf(markdown: string): string[] {
  const prose = withoutCode(markdown);
  const inline = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map((match) => match[1]!);
  const named = [...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)].map((match) => match[1]!);
  return [...inline, ...named].filter((link) => !/^[a-z][a-z0-9+.-]*:/i.test(link));
}

/** As GitHub makes them. */
function anchorsOf(markdown: string): Set<string> {
  const seen = new Map<string, number>();
  const headings = [...markdown.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6}\s+(.+?)\s*$/gm)];
  return new Set(
    headings.map(([, heading]) => {
      const slug = heading!
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(/\s/g, "-");
      const before = seen.get(slug) ?? 0;
      seen.set(slug, before + 1);
      return before === 0 ? slug : `${slug}-${before}`;
    }),
  );
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");
}

function foldersAbove(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return [".", ...parts.map((_, at) => parts.slice(0, at + 1).join("/"))];
}
