import { isAbsolute, join, relative } from "node:path";
import { DeadlineExceeded } from "@open-cowork/contracts/clock";
import type { EngineClient, EngineMessage } from "./engine-client.ts";
import type { TurnNote } from "./turn-note.ts";

/**
 * A crash leaves half a turn in OpenCode's own history: a user message without an answer, an answer that was never
 * completed, a tool that is "running" for ever, and files. The next attempt says the same prompt again, so that half
 * turn is taken back first, messages and files, with OpenCode's own revert.
 *
 * Revert alone restores only files of finished steps, because OpenCode notes a step's changed files (a `patch` part)
 * at the step's end. For a step that was cut short we write that part from what its tools say, then revert. And revert
 * finds a message by its parts, so one that was cut off before its first part was noted gets an empty one.
 */
export function findLeftover(
  messages: readonly EngineMessage[],
  note: TurnNote | null,
  commandId: string,
): string | null {
  const from = note?.commandId === commandId ? indexAfter(messages, note.after) : null;
  // The same command again: whatever it did before was not accepted by the plane, finished or not.
  if (from !== null) return messages.slice(from).find(({ info }) => info.role === "user")?.info.id ?? null;
  const lastUser = messages.findLastIndex(({ info }) => info.role === "user");
  if (lastUser === -1) return null;
  const answers = messages.slice(lastUser + 1);
  const isDone = answers.length > 0 && answers.every(({ info }) => info.time?.completed !== undefined);
  return isDone ? null : messages[lastUser]!.info.id;
}

/** Null when the noted message is not there: then the note is about another history. */
function indexAfter(messages: readonly EngineMessage[], after: string | null): number | null {
  if (after === null) return 0;
  const index = messages.findIndex(({ info }) => info.id === after);
  return index === -1 ? null : index + 1;
}

export async function takeBack(options: {
  client: EngineClient;
  sessionId: string;
  workspace: string;
  messages: readonly EngineMessage[];
  from: string;
}): Promise<void> {
  const { client, sessionId, workspace, messages, from } = options;
  const start = messages.findIndex(({ info }) => info.id === from);
  if (messages[start]?.parts.length === 0) {
    await client.putPart(sessionId, {
      id: newPartId(from),
      sessionID: sessionId,
      messageID: from,
      type: "text",
      text: "",
    });
  }
  for (const message of messages.slice(start)) {
    const step = findCutStep(message);
    const files = step ? filesOf(step.parts, workspace) : [];
    if (!step || files.length === 0) continue;
    const { id: messageID } = message.info;
    await client.putPart(sessionId, {
      id: newPartId(messageID),
      sessionID: sessionId,
      messageID,
      type: "patch",
      hash: step.snapshot,
      files,
    });
  }
  const { revert } = await client.revert(sessionId, from).catch((error: unknown) => {
    // As good as a refusal: the next attempt would wait as long, and in vain.
    throw error instanceof DeadlineExceeded
      ? new Error(`OpenCode does not take back ${from}`, { cause: error })
      : error;
  });
  if (revert?.messageID !== from) throw new Error(`OpenCode did not take back ${from}`);
}

type Part = EngineMessage["parts"][number];

/** The last step of a message if it has no end: where its files stood when it began, and what came since. */
function findCutStep(message: EngineMessage): { snapshot: string; parts: Part[] } | null {
  const begin = message.parts.findLastIndex((part) => part.type === "step-start");
  if (begin === -1) return null;
  const parts = message.parts.slice(begin + 1);
  const { snapshot } = message.parts[begin]!;
  if (parts.some((part) => part.type === "step-finish") || typeof snapshot !== "string") return null;
  return { snapshot, parts };
}

/** The files that file-changing tools name, inside the workspace only. */
function filesOf(parts: readonly Part[], workspace: string): string[] {
  const named = parts.flatMap((part) => {
    if (part.type !== "tool" || !["write", "edit"].includes(String(part["tool"]))) return [];
    const state = part["state"] as { input?: { filePath?: unknown }; metadata?: { filepath?: unknown } } | undefined;
    return [state?.metadata?.filepath, state?.input?.filePath].filter((path) => typeof path === "string");
  });
  const absolute = named.map((path) => (isAbsolute(path) ? path : join(workspace, path)));
  return [...new Set(absolute)].filter((path) => {
    const inside = relative(workspace, path);
    return inside !== "" && !inside.startsWith("..") && !isAbsolute(inside);
  });
}

/** Sorts after every real part of the message, and is the same when a crash makes us do it again. */
function newPartId(messageId: string): string {
  return `prt_zzzzzzzzzzzz${messageId.slice(-14)}`;
}
