import { limits } from "@open-cowork/contracts/timings";
import type { z } from "zod";
import type { Detail, DoorRefusal, Visit } from "./visit.ts";

export type Read<T> = { ok: true; value: T } | DoorRefusal;

export async function readJson<S extends z.ZodType>(visit: Visit, schema: S): Promise<Read<z.output<S>>> {
  if (!/^application\/json\b/i.test(visit.c.req.header("content-type") ?? "")) {
    return invalid([{ path: "", message: "Send JSON, with content-type: application/json." }]);
  }
  const text = await readText(visit);
  if (!text.ok) return text;
  try {
    return check(schema, JSON.parse(text.value, refuseUnstorable));
  } catch (error) {
    if (error instanceof Unstorable) return unstorable;
    return invalid([{ path: "", message: "The body is not JSON." }]);
  }
}

/** A browser's form without files. Browsers write newlines as CRLF there; the plane keeps LF. */
export async function readForm<S extends z.ZodType>(visit: Visit, schema: S): Promise<Read<z.output<S>>> {
  const fields = await readFields(visit);
  return fields.ok ? check(schema, Object.fromEntries(fields.value)) : fields;
}

/** For forms in which a name may come several times. */
export async function readFields(visit: Visit): Promise<Read<Array<[name: string, value: string]>>> {
  const text = await readText(visit);
  if (!text.ok) return text;
  if (!isStorable(text.value) || /%00/.test(text.value)) return unstorable;
  const fields = [...new URLSearchParams(text.value)];
  return { ok: true, value: fields.map(([name, value]) => [name, value.replaceAll("\r\n", "\n")]) };
}

export function check<S extends z.ZodType>(schema: S, value: unknown): Read<z.output<S>> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  return invalid(
    parsed.error.issues.map((issue) => ({ path: issue.path.map(String).join("."), message: issue.message })),
  );
}

const unstorable = invalid([{ path: "", message: "Text can hold neither NUL nor half of a surrogate pair." }]);

/** Postgres takes neither; said here it is a refusal, said there it would be a broken request. */
function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

class Unstorable extends Error {}

function refuseUnstorable(key: string, value: unknown): unknown {
  if (!isStorable(key) || (typeof value === "string" && !isStorable(value))) throw new Unstorable();
  return value;
}

function invalid(details: Detail[]): DoorRefusal {
  return { ok: false, reason: "invalid_request", details };
}

/** Counts while it reads: a Content-Length may be absent or lie. */
async function readText(visit: Visit): Promise<Read<string>> {
  const body = visit.c.req.raw.body;
  if (!body) return { ok: true, value: "" };
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > limits.requestBytes) return { ok: false, reason: "body_too_large" };
    chunks.push(chunk);
  }
  return { ok: true, value: Buffer.concat(chunks).toString("utf8") };
}
