import {
  ask,
  call,
  callIfOffered,
  error,
  hang,
  type ModelScript,
  rateLimited,
  say,
  think,
  truncate,
  wait,
} from "./script.ts";

/**
 * What the scripted model can play. A prompt picks one by a word such as `[script:slow]`; any other prompt gets
 * `demo`, which is what a newcomer sees after `pnpm start`.
 */
export const scripts = {
  demo: [
    think("A newcomer. I will write a small file, read it back, and say what happened."),
    say("Hello! I am the scripted demo model: I need no key and no network, but everything around me is real. "),
    say((seen) => `You said: “${shorten(seen.prompt)}”. I will leave a note about it in the workspace.\n\n`),
    call("write", {
      filePath: "hello.md",
      content: "# Hello from Open Cowork\n\nThis file was written by a real OpenCode agent.\n",
    }),
    say("The note is written. Let me read it back to be sure.\n\n"),
    call("read", { filePath: "hello.md" }),
    callIfOffered("bash", {
      command: "wc -w hello.md; whoami; hostname; ls -A",
      description: "Count the words, and look around",
    }),
    say((seen) =>
      seen.toolResults.length > 2
        ? "My shell looked around, in a sandbox of its own that holds this workspace and no network. "
        : "",
    ),
    say("Done. `hello.md` is in the workspace, and its first line is “# Hello from Open Cowork”. "),
    say("Your prompt became a row, a worker claimed it, and these words came back to you as fenced events. "),
    say("Ask for `[script:slow]` and kill the worker while it talks: the session finishes all the same."),
  ],

  text: [say("This is a plain answer, in a few words and without any tool.")],

  /** Eight to ten seconds of words: long enough to kill something while it talks. */
  slow: [
    say(Array.from({ length: 30 }, (_, line) => `Line ${line + 1} of 30, spoken slowly.\n`).join(""), {
      chunk: 9,
      delayMs: 95,
    }),
    say("That was all of it."),
  ],

  tool: [
    call("write", { filePath: "tool.txt", content: "written by the scripted model\n" }),
    say((seen) => `The tool answered: ${shorten(seen.toolResults.at(-1) ?? "nothing")}`),
  ],

  /** A command; what a careful profile asks about first. */
  command: [
    call("bash", { command: "ls -la && echo done", description: "List the workspace" }),
    say((seen) => `The command answered: ${shorten(seen.toolResults.at(-1) ?? "nothing")}`),
  ],

  question: [
    ask("Which colour should the door have?", "Door colour", { Red: "Easy to find", Blue: "Calm" }),
    say((seen) => `I was told: ${shorten(seen.toolResults.at(-1) ?? "nothing")}`),
  ],

  /** 400 is not retried by OpenCode; 5xx would be. */
  error: [error(400, { error: { message: "The scripted model was asked to fail.", type: "invalid_request_error" } })],

  "rate-limited-once": [rateLimited(1), say("The second try went through.")],

  truncated: [say("This sentence is never fin"), truncate()],

  hang: [say("I will now say nothing more."), hang()],

  /** Proves what key the agent really holds. */
  "echo-key": [wait(50), say((seen) => `The key I was given: ${seen.authorization}`)],
} as const satisfies Record<string, ModelScript>;

function shorten(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
