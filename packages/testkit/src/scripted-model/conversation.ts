/** The part of a chat-completions request that decides which answer follows. */
export interface ChatRequest {
  model: string;
  stream?: boolean;
  messages: ChatMessage[];
  tools?: Array<{ function: { name: string } }>;
}

export interface ChatMessage {
  role: "system" | "developer" | "user" | "assistant" | "tool";
  content?: string | Array<{ type: string; text?: string }> | null;
  tool_calls?: unknown[];
}

export interface Conversation {
  /** OpenCode asks for a title of the session beside its first prompt. */
  wantsTitle: boolean;
  /** The name in `[script:name]`, if the last user message has one. */
  script: string | null;
  /** The last user message without that word. */
  prompt: string;
  /** Tool-calling turns of the assistant since then: how far the script has come. */
  calls: number;
  toolResults: string[];
}

export function readConversation(request: ChatRequest): Conversation {
  const { messages } = request;
  const lastUser = messages.findLastIndex((message) => message.role === "user");
  const since = messages.slice(lastUser + 1);
  const asked = lastUser === -1 ? "" : textOf(messages[lastUser]);
  return {
    wantsTitle: isTitleRequest(request),
    script: /\[script:([\w-]+)\]/.exec(asked)?.[1] ?? null,
    prompt: asked.replaceAll(/\[script:[\w-]+\]/g, "").trim(),
    calls: since.filter((message) => message.role === "assistant" && (message.tool_calls?.length ?? 0) > 0).length,
    toolResults: since.filter((message) => message.role === "tool").map(textOf),
  };
}

function isTitleRequest(request: ChatRequest): boolean {
  if ((request.tools?.length ?? 0) > 0) return false;
  return request.messages.some((message) => message.role === "system" && /title generator/i.test(textOf(message)));
}

/** The first words of the prompt, as a person would name the conversation. */
export function titleFor(prompt: string): string {
  const words = prompt
    .replaceAll(/["“”\n\r]+/g, " ")
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, 6)
    .join(" ");
  return words === "" ? "A talk with the demo model" : words.slice(0, 50);
}

function textOf(message: ChatMessage | undefined): string {
  const content = message?.content ?? "";
  if (typeof content === "string") return content;
  return content.map((part) => part.text ?? "").join("\n");
}
