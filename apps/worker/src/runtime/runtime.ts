import type { Decided } from "@open-cowork/contracts/decisions";
import type { RuntimeEvent } from "@open-cowork/contracts/events";
import type { Limits } from "../limits/limits.ts";
import type { ModelDoor, Sandbox, SessionFolders } from "../sandbox/sandbox.ts";
import { createAsks } from "./asks.ts";
import { openConversation } from "./conversation.ts";
import { withConversation } from "./conversation-unusable.ts";
import type { TraceCall } from "./engine-client.ts";
import { startEngine, type EngineProcess } from "./engine-process.ts";
import type { ModelAccess } from "./engine-settings.ts";
import type { EngineEvent } from "./engine-event.ts";
import { followEvents } from "./event-feed.ts";
import { EventMapper } from "./event-mapper.ts";
import { eventText } from "./event-text.ts";
import type { Permissions } from "./permissions.ts";
import type { RuntimeRegistry } from "./registry.ts";
import { giveDirectory, openSessionDirectory } from "./session-directory.ts";
import { runTurn, type TurnOptions } from "./turn.ts";
import type { TurnEnd } from "./turn-tracker.ts";
import { warmUp } from "./warm-up.ts";

/**
 * One OpenCode process for one session, as the rest of the worker sees it. Everything that knows OpenCode stays below
 * this file.
 */
export interface Runtime {
  /** OpenCode's own id of the conversation. */
  readonly runtimeSessionId: string;
  readonly version: string;
  readonly pid: number;
  /** Aborts when the process has ended, whoever ended it. */
  readonly exited: AbortSignal;
  /** Takes back what an interrupted attempt left; true when there was something. May throw `ConversationUnusable`. */
  clearLeftovers(commandId: string): Promise<boolean>;
  turn(options: TurnRequest): Promise<TurnEnd>;
  /** What became of something that the running turn has asked. */
  decide(decided: Decided): void;
  /** Makes a warm runtime this session's, which has none and no directory yet. */
  adopt(sessionId: string): Promise<void>;
  /** The newest output of the process, cleaned, for the log. */
  output(): string;
  /** Resolves once no process of its group is left. */
  end(): Promise<void>;
}

export interface TurnRequest extends Pick<TurnOptions, "text" | "silentMs" | "stop" | "onAccepted"> {
  commandId: string;
  /** How long what the agent asks waits for a person. */
  waitMs: number;
  onEvents(events: RuntimeEvent[]): Promise<void> | void;
}

export interface RuntimeOptions {
  workerRoot: string;
  sessionId: string;
  /** The conversation to go on with, if it is in this directory's database. */
  runtimeSessionId: string | null;
  sandbox: Sandbox;
  limits: Limits;
  openModelDoor(path: string | null): Promise<ModelDoor>;
  access: ModelAccess;
  registry: RuntimeRegistry;
  startMs: number;
  signal: AbortSignal;
  onTrouble(error: unknown, what: string): void;
  trace?: TraceCall;
  permissions: Permissions;
  /** Started before anybody asked: `sessionId` is its own name until a session adopts it. */
  isWarm?: boolean;
}

/** Throws `EngineStartFailed`, or `ConversationUnusable` when only a new conversation helps. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const folders = await openSessionDirectory(options.workerRoot, options.sessionId);
  const engine = await startEngine({ ...options, folders });
  try {
    return await attach(engine, folders, options);
  } catch (error) {
    await engine.end();
    throw error;
  }
}

async function attach(engine: EngineProcess, folders: SessionFolders, options: RuntimeOptions): Promise<Runtime> {
  const { client } = engine;
  const { access, onTrouble } = options;
  const seen = options.sandbox.seen(folders);
  const open = async () => {
    const known = options.runtimeSessionId === null ? null : await client.findSession(options.runtimeSessionId);
    // Without a sandbox its workspace had another path, and OpenCode takes no prompt for a place that is not there.
    if (known && known.directory !== seen.workspace) await client.moveSession(known.id, seen.workspace);
    if (options.isWarm) await warmUp(client, access.modelId, AbortSignal.any([options.signal, engine.exited]));
    // With a title of its own it doesn't ask the model for one.
    const { id } = known ?? (await client.createSession("Open Cowork"));
    const at = { root: folders.root, workspace: seen.workspace };
    return { runtimeSessionId: id, conversation: await openConversation(client, id, at, known === null) };
  };
  const { runtimeSessionId, conversation } = await withConversation(engine.exited, open());

  const text = eventText(seen, [access.token, engine.password]);
  const mapper = new EventMapper(text);
  const listeners = new Set<(event: EngineEvent) => Promise<void> | void>();
  const asks = createAsks({ client, text, onTrouble });
  const closed = new AbortController();
  await followEvents({
    client,
    sessionId: runtimeSessionId,
    onEvent: async (event) => {
      await asks.hear(event);
      for (const listener of listeners) await listener(event);
    },
    onGap: () => mapper.forgetOpenParts(),
    onTrouble: (error) => onTrouble(error, "event stream"),
    signal: AbortSignal.any([closed.signal, engine.exited]),
  });

  return {
    runtimeSessionId,
    version: engine.version,
    pid: engine.pid,
    exited: engine.exited,
    output: () => text.clean(engine.output()),

    clearLeftovers: (commandId) => withConversation(engine.exited, conversation.clearLeftovers(commandId)),

    decide: asks.decide,

    async turn({ commandId, waitMs, ...request }) {
      await conversation.begin(commandId);
      const { before } = conversation;
      const { exited } = engine;
      asks.begin({ waitMs, emit: request.onEvents });
      const end = await runTurn({
        ...request,
        asks,
        client,
        sessionId: runtimeSessionId,
        modelId: access.modelId,
        before,
        listeners,
        mapper,
        exited,
      });
      await asks.end();
      conversation.ended(end.kind === "completed");
      return end;
    },

    async adopt(sessionId) {
      await giveDirectory(options.workerRoot, options.sessionId, sessionId);
      await engine.adoptedBy(sessionId);
    },

    async end() {
      closed.abort(new Error("the runtime was ended"));
      await engine.end();
    },
  };
}
