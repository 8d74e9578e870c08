import { failures } from "@open-cowork/contracts/refusals";
import type { CommandStatus } from "@open-cowork/contracts/lifecycles";
import type { CommandView, MessageView, Turn } from "@open-cowork/contracts/transcript";
import { duration } from "./relative-time.ts";

/** What a person reads about one prompt: where it stands and why. */
export function statusText(
  { command, answers, decisions }: Pick<Turn, "command" | "answers" | "decisions">,
  mayDecide: boolean,
): string {
  switch (command.status) {
    case "waiting":
      return command.attempt === 0 ? "waiting for a worker" : `interrupted; waiting for attempt ${command.attempt + 1}`;
    case "working":
      if (decisions.some(({ status }) => status === "open"))
        return mayDecide ? "waiting for you" : "waiting for a person";
      return command.attempt > 1 ? `working · attempt ${command.attempt}` : "working";
    case "succeeded": {
      const took = workedMs(answers);
      return took === null ? "done" : `done in ${duration(took)}`;
    }
    case "failed":
      return `failed: ${meaningOf(command)}`;
    case "cancelled":
      return "stopped";
  }
}

/** The word on a chip in a list, where there is no room for why. */
export const chipText: Record<CommandStatus, string> = {
  waiting: "waiting",
  working: "working",
  succeeded: "done",
  failed: "failed",
  cancelled: "stopped",
};

export function isActive(command: CommandView): boolean {
  return command.status === "waiting" || command.status === "working";
}

/** What the page as a whole is about right now: the first prompt that is not settled, else the newest. */
export function currentTurn(turns: readonly Turn[]): Turn | undefined {
  return turns.find((turn) => isActive(turn.command)) ?? turns.at(-1);
}

function meaningOf(command: CommandView): string {
  const known = Object.hasOwn(failures, command.reason ?? "")
    ? failures[command.reason as keyof typeof failures]
    : undefined;
  return known?.means ?? command.reason ?? "no reason was given.";
}

/** Both ends are stamped by the same runtime, so no two clocks are compared. */
function workedMs(answers: readonly MessageView[]): number | null {
  const times = answers.map((message) => message.info["time"] as { created?: number; completed?: number } | undefined);
  const created = times.flatMap((time) => time?.created ?? []);
  const completed = times.flatMap((time) => time?.completed ?? []);
  return created.length === 0 || completed.length === 0 ? null : Math.max(...completed) - Math.min(...created);
}
