import { isIP } from "node:net";

/**
 * Whose requests are counted together when nobody has shown who they are. Anyone can send X-Forwarded-For, but each
 * proxy appends what it saw: what the outermost of ours saw stands as far from the end as there are proxies.
 */
export function callerAddress(
  from: { socket: string | undefined; forwardedFor: string | undefined },
  proxyHops: number,
): string {
  const seen = proxyHops === 0 ? undefined : from.forwardedFor?.split(",").at(-proxyHops)?.trim();
  // Only addresses: the text becomes a key, and its length would be the caller's choice.
  return seen !== undefined && isIP(seen) > 0 ? seen : (from.socket ?? "unknown address");
}
