import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { launchBrowser } from "./browser.ts";
import type { WebWorld } from "./web-world.ts";

/** People with a real browser in front of a plane. */
export interface Visitors {
  browser: Browser;
  /** What the browser complained about; a page that works complains about nothing. */
  complaints: string[];
  signedIn(options?: BrowserContextOptions, as?: WebWorld["actor"]): Promise<Page>;
  /** Closes all pages and forgets the complaints. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

export async function openVisitors(world: WebWorld, chromium: string): Promise<Visitors> {
  const browser = await launchBrowser(chromium);
  const complaints: string[] = [];
  return {
    browser,
    complaints,
    signedIn: async (options = {}, as = world.actor) => {
      const page = await (await browser.newContext(options)).newPage();
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
      await page.goto(`${world.origin}/sign-in?token=${await world.signInToken(as)}`);
      await page.getByRole("button", { name: "Sign in to Open Cowork" }).click();
      await page.waitForURL(`${world.origin}/`);
      return page;
    },
    leave: async () => {
      for (const context of browser.contexts()) await context.close();
      complaints.length = 0;
    },
    close: () => browser.close(),
  };
}
