import { lineOf, type Sources } from "./sources.ts";

/** Hosts a reader may be sent to; anything else must be loopback, a private address, or a name reserved for examples. */
const known = new Set(["www.w3.org", "www.apache.org", "github.com", "opencode.ai", "www.contributor-covenant.org"]);
const reserved = /(^|\.)(example|test|invalid|localhost)(\.(com|org|net))?$|^[^.]*$|^(127|10|192\.168|0)\.[\d.]+$/;

// In pieces, so that this file does not hold what it looks for.
const homes = ["root", "work", "Users"].join("|");
const machinePath = new RegExp(String.raw`(?<![\w.~$}/-])/(?:${homes})/[\w.-]+`, "g");
const host = /\bhttps?:\/\/(?:[^\s/@"'`]*@)?([A-Za-z0-9.-]+)/g;

/** The repository is read by people who don't sit at this machine: no path of it, no mirror, no private registry. */
export function outsideProblems(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => [
    ...[...text.matchAll(machinePath)].map(
      (match) => `${path}:${lineOf(text, match.index)} names ${match[0]}: a path of one machine`,
    ),
    ...[...text.matchAll(host)]
      .filter((match) => !known.has(match[1]!) && !reserved.test(match[1]!))
      .map(
        (match) =>
          `${path}:${lineOf(text, match.index)} names the host ${match[1]}: use a reserved one (example.test), or list it in scripts/tidy/outside.ts`,
      ),
  ]);
}
