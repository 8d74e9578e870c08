import { closeSync, copyFileSync, openSync, readSync, renameSync, statSync, truncateSync } from "node:fs";
import { every } from "@open-cowork/contracts/clock";

const maxBytes = 10 * 1024 * 1024;

/** Keeps the log of the run before beside the new one. */
export function rotateLog(file: string): void {
  try {
    renameSync(file, `${file}.1`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/**
 * Copies and truncates, because the writers hold the file itself: a pipe through the launcher would break, and take
 * them with it, when the launcher is killed. They append, so they go on at the new end.
 */
export function boundLogs(files: readonly string[]): () => void {
  return every(5_000, () => files.forEach(cutWhenLarge));
}

export function cutWhenLarge(file: string): void {
  try {
    if (statSync(file).size <= maxBytes) return;
    copyFileSync(file, `${file}.1`);
    truncateSync(file);
  } catch {
    // Not there yet, or a full disk: the next look comes soon.
  }
}

export function lastLines(file: string, count: number): string[] {
  try {
    const { size } = statSync(file);
    const bytes = Buffer.alloc(Math.min(size, 8 * 1024));
    const descriptor = openSync(file, "r");
    try {
      readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
    } finally {
      closeSync(descriptor);
    }
    return bytes
      .toString("utf8")
      .split("\n")
      .filter((line) => line.trim() !== "")
      .slice(-count);
  } catch {
    return [];
  }
}
