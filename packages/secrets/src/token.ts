import { createHash, randomBytes } from "node:crypto";
import { tokenPrefixes, type TokenKind } from "@open-cowork/contracts/secret-shapes";

/** 256 random bits behind a prefix that says what leaked, to a person and to a secret scanner alike. */
export function createToken(kind: TokenKind): string {
  return tokenPrefixes[kind] + randomBytes(32).toString("base64url");
}

/**
 * The form that is stored; the same as SQL's `encode(sha256(convert_to(raw, 'UTF8')), 'hex')`. A plain hash is enough
 * because the token has 256 random bits: there is no dictionary to try.
 */
export function hashToken(raw: string): string {
  return createHash("sha256").update(raw, "utf8").digest("hex");
}
