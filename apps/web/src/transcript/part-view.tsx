import type { Part } from "@open-cowork/contracts/events";
import { firstText } from "./first-text.ts";
import { CodeBlock, Markdown } from "./markdown.tsx";

/**
 * One part of an answer. Kinds that only the runtime cares about (step marks, snapshots) show nothing. Once the turn is
 * over, a tool that never reported its end can't be running any more.
 */
export function PartView({ part, isOver }: { part: Part; isOver: boolean }) {
  const text = firstText(part["text"]);
  switch (part.type) {
    case "text":
      return text.trim() === "" ? null : <Markdown text={text} />;
    case "reasoning":
      return text.trim() === "" ? null : (
        <details class="card reasoning">
          <summary>
            <span class="card-name">Reasoning</span>
          </summary>
          <div class="card-body">
            <Markdown text={text} />
          </div>
        </details>
      );
    case "tool":
      return <ToolCard part={part} isOver={isOver} />;
    case "file":
      return <p class="note">File: {firstText(part["filename"], part["mime"], "unnamed")}</p>;
    default:
      return null;
  }
}

const toolStatuses = new Map([
  ["pending", "waiting"],
  ["running", "running"],
  ["completed", "done"],
  ["error", "failed"],
]);

function ToolCard({ part, isOver }: { part: Part; isOver: boolean }) {
  const state = (part["state"] ?? {}) as Record<string, unknown>;
  const reported = firstText(state["status"], "pending");
  const status = isOver && (reported === "pending" || reported === "running") ? "interrupted" : reported;
  const output = state["error"] ?? state["output"];
  const input = state["input"];
  return (
    <details class={`card tool tool-${status}`}>
      <summary>
        <span class="card-name">{firstText(part["tool"], "tool")}</span>
        <span class="card-title">{titleOf(state)}</span>
        <span class="card-status">{toolStatuses.get(status) ?? status}</span>
      </summary>
      <div class="card-body">
        {input === undefined ? null : <Labelled name="Input" value={input} />}
        {output === undefined ? null : <Labelled name={status === "error" ? "Error" : "Output"} value={output} />}
        {input === undefined && output === undefined ? <p class="note">Nothing to show yet.</p> : null}
      </div>
    </details>
  );
}

function Labelled({ name, value }: { name: string; value: unknown }) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return (
    <>
      <p class="card-label">{name}</p>
      <CodeBlock label={name} text={shortened(text)} />
    </>
  );
}

/** A page that shows a whole log file of a tool is a page that hangs. */
const shownChars = 20_000;

function shortened(text: string): string {
  return text.length <= shownChars
    ? text
    : `${text.slice(0, shownChars)}\n… ${text.length - shownChars} more characters`;
}

/** The runtime's own title, else the one input that says most: a command, a file, a pattern. */
function titleOf(state: Record<string, unknown>): string {
  const input = (state["input"] ?? {}) as Record<string, unknown>;
  const { description, command, filePath, pattern, url } = input;
  return firstText(state["title"], description, command, filePath, pattern, url).slice(0, 200);
}
