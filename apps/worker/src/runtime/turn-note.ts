import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

/** Which command's turn was begun last, and after which message: written before each prompt, read after a crash. */
const turnNote = z.object({ commandId: z.string(), after: z.string().nullable() });
export type TurnNote = z.infer<typeof turnNote>;

/** Beside the session's folders and not in one: those are the agent's, who could make a link of it. */
const pathOf = (sessionRoot: string) => join(sessionRoot, "turn.json");

export async function writeTurnNote(sessionRoot: string, note: TurnNote): Promise<void> {
  const path = pathOf(sessionRoot);
  await writeFile(`${path}.new`, JSON.stringify(note), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Null when there is none, or none that can be read. */
export async function readTurnNote(sessionRoot: string): Promise<TurnNote | null> {
  try {
    return turnNote.parse(JSON.parse(await readFile(pathOf(sessionRoot), "utf8")));
  } catch {
    return null;
  }
}

export const removeTurnNote = (sessionRoot: string): Promise<void> => rm(pathOf(sessionRoot), { force: true });
