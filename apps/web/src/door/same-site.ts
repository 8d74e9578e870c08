import type { PublicAddress } from "./public-address.ts";

/** DNS rebinding points a foreign name at our address; the Host header still carries the foreign name. */
export function isOurHost(address: PublicAddress, host: string | undefined): boolean {
  return host !== undefined && address.hosts.has(host.toLowerCase());
}

/**
 * A write with the browser's cookie must come from our own pages. `Sec-Fetch-Site` is set by the browser and can't be
 * forged by a page; where it is missing, the Origin must be exactly the address that was asked.
 */
export function isSameSite(
  address: PublicAddress,
  headers: { site?: string; origin?: string; host?: string },
): boolean {
  // Not "none" either, which says that no page sent it: a person's typed address is never a write.
  if (headers.site !== undefined) return headers.site === "same-origin";
  if (headers.origin === undefined || headers.host === undefined) return false;
  const asked = headers.host.toLowerCase();
  const own = new URL(address.origin);
  return headers.origin === (asked === own.host ? own.origin : `http://${asked}`);
}
