import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { isFinal } from "@open-cowork/contracts/transcript";
import type { HoldBack } from "../broker/hold-back.ts";
import type { EngineError, EngineEvent } from "./engine-event.ts";
import type { EventText } from "./event-text.ts";
import { fitEvent } from "./fit-event.ts";

/**
 * Turns OpenCode's events into the plane's: cleaned, bounded, and with an offset on every delta, which makes it
 * repeatable. The offset counts the text that was handed on (secrets replaced), not what OpenCode said.
 */
export class EventMapper {
  readonly #text: EventText;
  readonly #open = new Map<string, OpenPart>();

  constructor(text: EventText) {
    this.#text = text;
  }

  map(event: EngineEvent): RuntimeEvent[] {
    switch (event.type) {
      case "message.updated": {
        const { error, ...info } = event.info;
        const shown = error === undefined ? info : { ...info, error: withoutWire(error as EngineError) };
        return [fitEvent({ type: event.type, payload: { info: this.#text.cleanAll(shown) } })];
      }
      case "message.part.updated": {
        const part = this.#text.cleanAll(event.part);
        if (isFinal(part)) this.#open.delete(part.id);
        else if (typeof part["text"] === "string") {
          this.#open.set(part.id, { length: part["text"].length, held: this.#text.pieces() });
        }
        return [fitEvent({ type: event.type, payload: { part } })];
      }
      case "message.part.delta":
        return this.#delta(event);
      case "session.error": {
        const error = event.error && this.#text.cleanAll(withoutWire(event.error));
        return [fitEvent({ type: event.type, payload: error ? { error } : {} })];
      }
      default:
        return [];
    }
  }

  /** After a gap the end of what streams now is unknown; its part's next state heals it. */
  forgetOpenParts(): void {
    this.#open.clear();
  }

  #delta(event: Extract<EngineEvent, { type: "message.part.delta" }>): RuntimeEvent[] {
    const part = this.#open.get(event.partID);
    if (!part || event.field !== "text") return [];
    const text = part.held.push(event.delta);
    if (text === "") return [];
    const { messageID, partID } = event;
    const offset = part.length;
    part.length += text.length;
    return [{ type: "message.part.delta", payload: { messageID, partID, field: "text", offset, text } }];
  }
}

interface OpenPart {
  length: number;
  held: HoldBack;
}

/** Headers, bodies and addresses between engine and broker, and the engine's stack, are nobody's business. */
function withoutWire(error: EngineError): EngineError {
  if (!error.data) return error;
  const { responseHeaders: _headers, responseBody: _body, metadata: _metadata, ...data } = error.data;
  return { ...error, data: { ...data, ...(data.message && { message: data.message.split("\n    at ")[0]! }) } };
}
