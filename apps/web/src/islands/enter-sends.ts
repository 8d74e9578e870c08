/** Enter sends and Shift+Enter breaks the line; Enter that ends an input method's composition does neither. */
export function enterSends(event: KeyboardEvent): void {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  (event.target as HTMLTextAreaElement).form?.requestSubmit();
}
