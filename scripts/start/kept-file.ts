import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { StartRefused } from "./refusal.ts";

/**
 * A small JSON file that outlives starts. Written whole, synced and renamed: a password that was given to a database
 * and then lost would cost the database.
 */
export class KeptFile<T extends object> {
  readonly path: string;
  #value: T;

  constructor(path: string, initial: T) {
    this.path = path;
    this.#value = { ...initial, ...readJson(path) };
  }

  get value(): Readonly<T> {
    return this.#value;
  }

  merge(change: Partial<T>): void {
    this.#value = { ...this.#value, ...change };
    const file = openSync(`${this.path}.new`, "w", 0o600);
    writeSync(file, `${JSON.stringify(this.#value, null, 2)}\n`);
    fsyncSync(file);
    closeSync(file);
    renameSync(`${this.path}.new`, this.path);
  }
}

function readJson(path: string): object {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as object;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new StartRefused(`cannot read ${path}: put back a copy, or move the whole directory away to start anew`);
  }
}
