import { signal } from "@preact/signals";

const nearPx = 80;

/** True while the reader is at the bottom; only then does new text move the page. */
export const isPinned = signal(true);

export function watchScroll(): void {
  addEventListener("scroll", () => (isPinned.value = distanceToBottom() < nearPx), { passive: true });
}

export function scrollToNewest(): void {
  scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
}

function distanceToBottom(): number {
  const { scrollHeight, clientHeight } = document.documentElement;
  return scrollHeight - clientHeight - scrollY;
}
