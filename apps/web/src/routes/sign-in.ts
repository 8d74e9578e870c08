import { createToken, hashToken } from "@open-cowork/secrets/token";
import { endBrowserSession } from "@open-cowork/store/identity/end-browser-session";
import { useSignInLink } from "@open-cowork/store/identity/use-sign-in-link";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { z } from "zod";
import type { Door } from "../door/mount-routes.ts";
import { readForm } from "../door/read-body.ts";
import type { Handlers } from "../door/visit.ts";

const SignInForm = z.object({ token: z.string().min(1).max(200) });

export function signInRoutes(door: Door): Pick<Handlers, "signInPage" | "signIn" | "signOut"> {
  const { address, database, pages } = door;
  const attributes = { httpOnly: true, path: "/", sameSite: "Lax", secure: address.secure } as const;
  return {
    // Looking must not consume the link: mail scanners and link previews look.
    signInPage: ({ c }) => c.html(pages.signIn({ token: c.req.query("token") ?? null, refused: false })),

    signIn: async (visit) => {
      const form = await readForm(visit, SignInForm);
      if (!form.ok) return form;
      const browserToken = createToken("browser");
      const linkHash = hashToken(form.value.token);
      const used = await useSignInLink(database.db, { linkHash, browserTokenHash: hashToken(browserToken) });
      if (!used.ok) {
        door.telemetry.count("cowork_refusals_total", { reason: used.reason });
        return visit.c.html(pages.signIn({ token: null, refused: true }), 401);
      }
      // The browser forgets the session it had, so the plane does too: nobody could sign out of it any more.
      const former = getCookie(visit.c, address.cookieName);
      if (former) await endBrowserSession(database.db, hashToken(former));
      setCookie(visit.c, address.cookieName, browserToken, { ...attributes, expires: used.value.expiresAt });
      return visit.c.redirect("/", 303);
    },

    signOut: async ({ c, browserTokenHash }) => {
      await endBrowserSession(database.db, browserTokenHash);
      deleteCookie(c, address.cookieName, attributes);
      return c.redirect("/sign-in", 303);
    },
  };
}
