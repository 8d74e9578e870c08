import { configurationPage } from "./configuration.ts";
import { lifecyclesPage } from "./lifecycles.ts";
import { reasonsPage } from "./reasons.ts";

/** Every generated page with what makes it. */
export const pages: Record<string, () => string> = {
  "docs/configuration.md": configurationPage,
  "docs/lifecycles.md": lifecyclesPage,
  "docs/reasons.md": reasonsPage,
};
