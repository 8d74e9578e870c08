import { z } from "zod";

/**
 * Configuration is one zod schema per service. This file is the small vocabulary they are written in: a `setting` is a
 * leaf with a line of help, a `section` is a group whose unnamed settings keep their defaults when only some are given.
 */
export interface SettingMeta {
  help: string;
  /** Never printed; may also come from a file, by the same name with `_FILE`. */
  secret?: true;
  /** A name outside the prefix, where the world already has one (DATABASE_URL). */
  env?: string;
}

const settings = z.registry<SettingMeta>();

export function setting<S extends z.ZodType>(schema: S, meta: SettingMeta): S {
  settings.add(schema, meta);
  return schema;
}

/** The same setting where it need not be given. */
export function optional<S extends z.ZodType>(schema: S): z.ZodOptional<S> {
  return setting(schema.optional(), settings.get(schema)!);
}

export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  // A prefault, not a default: `{}` goes through the schema, so each setting's own default still applies.
  return z.strictObject(shape).prefault({} as never);
}

export const envPrefix = "OPEN_COWORK_CLOUD_";

export interface Leaf {
  path: string[];
  env: string;
  meta: SettingMeta;
  kind: "string" | "number" | "boolean" | "list";
  /** As text, for help and docs; undefined when the setting is required or has none. */
  defaultText: string | undefined;
  required: boolean;
  choices: readonly string[] | undefined;
}

/** Every setting of a schema, in order of appearance. */
export function leavesOf(schema: z.ZodType, path: string[] = []): Leaf[] {
  const { inner } = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([key, child]) =>
      leavesOf(child, [...path, key]),
    );
  }
  const meta = settings.get(schema);
  if (!meta) throw new Error(`setting ${path.join(".")} has no help: wrap it in setting()`);
  const { fallback, optional } = unwrap(schema);
  return [
    {
      path,
      env: meta.env ?? envName(path),
      meta,
      kind: kindOf(inner),
      defaultText:
        fallback === undefined
          ? undefined
          : Array.isArray(fallback)
            ? fallback.join(",")
            : `${fallback as string | number | boolean}`,
      required: fallback === undefined && !optional,
      choices: inner instanceof z.ZodEnum ? (inner.options as string[]) : undefined,
    },
  ];
}

function envName(path: string[]): string {
  return envPrefix + path.map((key) => key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join("_");
}

function unwrap(schema: z.ZodType): { inner: z.ZodType; fallback: unknown; optional: boolean } {
  let inner = schema;
  let fallback: unknown;
  let optional = false;
  for (;;) {
    if (inner instanceof z.ZodDefault) {
      fallback = inner.def.defaultValue;
      inner = inner.def.innerType as z.ZodType;
    } else if (inner instanceof z.ZodPrefault) inner = inner.def.innerType as z.ZodType;
    else if (inner instanceof z.ZodOptional) {
      optional = true;
      inner = inner.def.innerType as z.ZodType;
    } else return { inner, fallback, optional };
  }
}

function kindOf(schema: z.ZodType): Leaf["kind"] {
  if (schema instanceof z.ZodNumber) return "number";
  if (schema instanceof z.ZodBoolean) return "boolean";
  if (schema instanceof z.ZodArray) return "list";
  return "string";
}
