import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";

/** In the order of preference; the suffix is also what tells the forms apart on disk. */
export const encodings = [
  { name: "br", suffix: ".br" },
  { name: "gzip", suffix: ".gz" },
] as const;

/** Made once at build time, at full strength, so that no request pays for it. */
export async function compressed(bytes: Uint8Array): Promise<Array<{ suffix: string; bytes: Uint8Array }>> {
  const [br, gz] = await Promise.all([promisify(brotliCompress)(bytes), promisify(gzip)(bytes, { level: 9 })]);
  return [
    { suffix: ".br", bytes: br },
    { suffix: ".gz", bytes: gz },
  ];
}
