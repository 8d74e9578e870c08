import { blocksOf, type Block, type Span } from "./markdown-blocks.ts";

export function Markdown({ text }: { text: string }) {
  return <div class="prose">{blocksOf(text).map((block, index) => renderBlock(block, index))}</div>;
}

function renderBlock(block: Block, key: number) {
  switch (block.kind) {
    case "paragraph":
      return <p key={key}>{block.spans.map(renderSpan)}</p>;
    case "heading":
      // Bold and not <h3>: an agent's headings are not part of the page's outline.
      return (
        <p key={key} class="prose-heading">
          {block.spans.map(renderSpan)}
        </p>
      );
    case "list": {
      const items = block.items.map((spans, index) => <li key={index}>{spans.map(renderSpan)}</li>);
      return block.ordered ? (
        <ol key={key} start={block.start}>
          {items}
        </ol>
      ) : (
        <ul key={key}>{items}</ul>
      );
    }
    case "code":
      return <CodeBlock key={key} label={block.language ? `${block.language} code` : "code"} text={block.text} />;
  }
}

/** A box that may scroll sideways must be reachable by keyboard, and what is reachable needs a name. */
export function CodeBlock({ label, text }: { label: string; text: string }) {
  return (
    <pre class="code" tabIndex={0} role="group" aria-label={label}>
      <code>{text}</code>
    </pre>
  );
}

function renderSpan({ kind, text }: Span, key: number) {
  if (kind === "code") return <code key={key}>{text}</code>;
  if (kind === "bold") return <strong key={key}>{text}</strong>;
  if (kind === "emphasis") return <em key={key}>{text}</em>;
  return text;
}
