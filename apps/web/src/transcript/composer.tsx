import type { ComponentChildren } from "preact";
import { limits } from "@open-cowork/contracts/timings";

interface ComposerProps {
  action: string;
  field: "prompt" | "text";
  label: string;
  button: string;
  big?: boolean;
  /** More fields, below the text. */
  children?: ComponentChildren;
  busy?: boolean;
  problem?: string | null;
  onSubmit?: (event: SubmitEvent) => void;
  onKeyDown?: (event: KeyboardEvent) => void;
}

/** The prompt box: a plain form that posts, until an island gives it its keys. */
export function Composer(props: ComposerProps) {
  const { action, field, label, button, big, busy, problem, onSubmit, onKeyDown } = props;
  return (
    <form class={big ? "composer composer-big" : "composer"} method="post" action={action} onSubmit={onSubmit}>
      {big ? (
        <label class="composer-label" for="composer">
          {label}
        </label>
      ) : null}
      {problem ? (
        <p class="alert" role="alert">
          {problem}
        </p>
      ) : null}
      <div class="composer-box">
        <textarea
          id="composer"
          name={field}
          rows={big ? 4 : 2}
          required
          maxLength={limits.promptChars}
          placeholder={big ? "Describe a task: build, fix, explain, review…" : "What next?"}
          {...(big ? {} : { "aria-label": label })}
          aria-describedby="composer-hint"
          onKeyDown={onKeyDown}
        />
        <button class="button primary" type="submit" disabled={busy ?? false}>
          {button}
        </button>
      </div>
      {props.children}
      <p class="composer-hint scripted" id="composer-hint">
        <kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> starts a new line
      </p>
    </form>
  );
}
