import type { ComponentChildren } from "preact";
import { renderToString } from "preact-render-to-string";
import type { AssetName } from "../build/plan.ts";

export type PageAssets = Record<AssetName, string>;

export interface Signed {
  displayName: string;
  email: string;
}

interface DocumentProps {
  title: string;
  assets: PageAssets;
  person?: Signed;
  script?: "home" | "session";
  children: ComponentChildren;
}

/** The frame around every page. */
export function renderDocument(props: DocumentProps): string {
  return `<!doctype html>${renderToString(<Document {...props} />)}`;
}

function Document({ title, assets, person, script, children }: DocumentProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>{`${title} · Open Cowork`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" type="image/svg+xml" href={assets.icon} />
        <link rel="stylesheet" href={assets.styles} />
        {script ? <script type="module" src={assets[script]} /> : null}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header class="bar">
          <a class="brand" href="/">
            <img src={assets.icon} alt="" width="24" height="24" />
            Open Cowork
          </a>
          {person ? (
            <div class="bar-end">
              <span class="who" title={person.email}>
                {person.displayName}
              </span>
              <form method="post" action="/sign-out">
                <button class="button quiet" type="submit">
                  Sign out
                </button>
              </form>
            </div>
          ) : null}
        </header>
        {children}
      </body>
    </html>
  );
}
