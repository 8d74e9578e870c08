import type { Database } from "@open-cowork/store/database/open";
import type { Telemetry } from "@open-cowork/telemetry/set-up";

/** What every loop works with. */
export interface LoopWorld {
  database: Database;
  telemetry: Telemetry;
}
