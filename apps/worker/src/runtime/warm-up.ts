import { systemClock, within } from "@open-cowork/contracts/clock";
import type { EngineClient } from "./engine-client.ts";
import { providerId } from "./engine-settings.ts";

/**
 * Pays beforehand what OpenCode pays at its first prompt: it loads its provider, its tools and its agents only then,
 * which costs more than its whole start. A prompt in a conversation of its own does that, and nobody hears it: the model
 * token is not let in before a lease has it, so the broker refuses, and the conversation is deleted. Nothing of it stays
 * in the database (runtime.e2e.test.ts holds that).
 */
const lookMs = 50;
const settleMs = 60_000;

export async function warmUp(client: EngineClient, modelId: string, signal: AbortSignal): Promise<void> {
  const { id } = await client.createSession("Warm-up");
  await client.prompt(id, {
    model: { providerID: providerId, modelID: modelId },
    parts: [{ type: "text", text: "Warm-up" }],
  });
  await within(settleMs, "OpenCode's first prompt", untilRefused(client, id, signal));
  await client.deleteSession(id);
}

async function untilRefused(client: EngineClient, id: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const answer = (await client.messages(id)).find(({ info }) => info.role === "assistant");
    if (answer?.info.time?.completed !== undefined && (await client.statuses())[id] === undefined) return;
    await systemClock.sleep(lookMs, signal);
  }
}
