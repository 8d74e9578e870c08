import type { Asset } from "../build/load-build.ts";
import type { Handlers } from "../door/visit.ts";

/** Served from memory under names that carry their content's hash: cached for ever, replaced by another name. */
export function assetRoutes(assets: ReadonlyMap<string, Asset>): Pick<Handlers, "asset"> {
  return {
    asset: ({ c }) => {
      const asset = assets.get(c.req.param("file") ?? "");
      if (!asset) return { ok: false, reason: "not_found" };
      const accepted = (c.req.header("accept-encoding") ?? "").split(",").map((name) => name.split(";")[0]!.trim());
      const encoded = asset.encoded.find(({ name }) => accepted.includes(name));
      const headers = new Headers({
        "content-type": asset.contentType,
        "cache-control": "public, max-age=31536000, immutable",
        vary: "accept-encoding",
      });
      if (encoded) headers.set("content-encoding", encoded.name);
      return new Response((encoded?.bytes ?? asset.bytes) as Uint8Array<ArrayBuffer>, { headers });
    },
  };
}
