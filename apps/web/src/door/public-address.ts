/**
 * The address people open, and everything that follows from it: which Host headers are ours, whether cookies are
 * Secure, which Origin a write may come from. Plain http is for loopback alone, because there the traffic never leaves
 * the machine; anywhere else the browser's session would travel in clear, so the service refuses to start.
 */
export interface PublicAddress {
  origin: string;
  secure: boolean;
  cookieName: string;
  /** Values of the Host header that are ours. Anything else may be a name that an attacker points at us. */
  hosts: ReadonlySet<string>;
}

const loopbackNames = ["127.0.0.1", "localhost", "[::1]"];

export type AddressAnswer = { ok: true; address: PublicAddress } | { ok: false; problem: string };

export function publicAddressOf(config: { host: string; port: number; publicUrl?: string | undefined }): AddressAnswer {
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const url = new URL(config.publicUrl ?? `http://${host}:${config.port}`);
  const secure = url.protocol === "https:";
  if (!secure && !(url.protocol === "http:" && loopbackNames.includes(url.hostname))) {
    return {
      ok: false,
      problem:
        `the public address ${url.origin} is not https: set OPEN_COWORK_CLOUD_PUBLIC_URL to the https address that ` +
        "people open (plain http is only for 127.0.0.1).",
    };
  }
  if (url.origin !== url.href.replace(/\/$/, "")) {
    return {
      ok: false,
      problem: `the public address ${url.origin} can have no path: the plane needs a host name of its own, so set OPEN_COWORK_CLOUD_PUBLIC_URL to the origin alone.`,
    };
  }
  const aliases = loopbackNames.map((name) => `${name}:${config.port}`);
  return {
    ok: true,
    address: {
      origin: url.origin,
      secure,
      // A __Host- cookie needs Secure, which a browser refuses over plain http. Loopback gets a plain name, with the
      // port in it: cookies do not know ports, and signing in to one plane must not sign out of its neighbour.
      cookieName: secure ? "__Host-open_cowork" : `open_cowork_${url.port || 80}`,
      hosts: new Set([url.host, ...aliases]),
    },
  };
}
