import type { EngineClient } from "./engine-client.ts";
import { findLeftover, takeBack } from "./take-back.ts";
import { readTurnNote, writeTurnNote } from "./turn-note.ts";

/** What is in OpenCode's history of this session, as far as beginning the next turn needs it. */
export interface Conversation {
  /** Ids of all messages before the turn that runs now. */
  readonly before: Set<string>;
  /** Takes back what an interrupted attempt left; true when there was something. */
  clearLeftovers(commandId: string): Promise<boolean>;
  /** Call before each prompt: writes down where this command's turn begins. */
  begin(commandId: string): Promise<void>;
  ended(inOrder: boolean): void;
}

export async function openConversation(
  client: EngineClient,
  sessionId: string,
  /** The session's folder, and its workspace as OpenCode sees it. */
  at: { root: string; workspace: string },
  isNew: boolean,
): Promise<Conversation> {
  // The first look is only needed where there was an earlier process.
  let inOrder = isNew;
  let latestCommand: string | null = null;
  const first = isNew ? { all: [], kept: [] } : await keptMessages(client, sessionId);
  const before = new Set(first.all);
  let latestMessage = first.kept.at(-1) ?? null;

  return {
    before,
    async clearLeftovers(commandId) {
      if (inOrder && latestCommand !== commandId) return false;
      const messages = await client.messages(sessionId);
      const from = findLeftover(messages, await readTurnNote(at.root), commandId);
      if (from === null) return false;
      await takeBack({ client, sessionId, workspace: at.workspace, messages, from });
      latestMessage = messages[messages.findIndex(({ info }) => info.id === from) - 1]?.info.id ?? null;
      return true;
    },
    async begin(commandId) {
      latestCommand = commandId;
      inOrder = false;
      await writeTurnNote(at.root, { commandId, after: latestMessage });
    },
    ended(well) {
      inOrder = well;
      // A set keeps the order of insertion, and the turn has added its own messages by now.
      latestMessage = [...before].at(-1) ?? null;
    },
  };
}

/** A revert hides messages at once and removes them with the next prompt; `kept` are those that stay. */
async function keptMessages(client: EngineClient, sessionId: string): Promise<{ all: string[]; kept: string[] }> {
  const all = (await client.messages(sessionId)).map(({ info }) => info.id);
  const reverted = (await client.findSession(sessionId))?.revert?.messageID;
  const end = reverted === undefined ? -1 : all.indexOf(reverted);
  return { all, kept: end === -1 ? all : all.slice(0, end) };
}
