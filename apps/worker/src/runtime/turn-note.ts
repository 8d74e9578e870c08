import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { SessionDirectory } from "./session-directory.ts";

/** Which command's turn was begun last, and after which message: written before each prompt, read after a crash. */
const turnNote = z.object({ commandId: z.string(), after: z.string().nullable() });
export type TurnNote = z.infer<typeof turnNote>;

const pathOf = (directory: SessionDirectory) => join(directory.state, "turn.json");

export async function writeTurnNote(directory: SessionDirectory, note: TurnNote): Promise<void> {
  const path = pathOf(directory);
  await writeFile(`${path}.new`, JSON.stringify(note), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Null when there is none, or none that can be read. */
export async function readTurnNote(directory: SessionDirectory): Promise<TurnNote | null> {
  try {
    return turnNote.parse(JSON.parse(await readFile(pathOf(directory), "utf8")));
  } catch {
    return null;
  }
}
