export interface SignInProps {
  /** From the link; shown to nobody, posted back by the one button. */
  token: string | null;
  refused: boolean;
}

export function SignInPage({ token, refused }: SignInProps) {
  return (
    <main id="main" class="narrow">
      <div class="panel">
        {token ? (
          <>
            <h1>Sign in</h1>
            <p>This link works once, in this browser.</p>
            <form method="post" action="/sign-in">
              <input type="hidden" name="token" value={token} />
              <button class="button primary wide" type="submit">
                Sign in to Open Cowork
              </button>
            </form>
          </>
        ) : (
          <>
            <h1>{refused ? "This link does not work" : "You need a sign-in link"}</h1>
            {refused ? (
              <p class="alert" role="alert">
                It is unknown, was used before, or has expired.
              </p>
            ) : (
              <p>Open Cowork has no passwords: a one-time link signs a browser in.</p>
            )}
            <h2>How to get a link</h2>
            <ul>
              <li>
                On your own machine, <code>pnpm start</code> prints a fresh one each time.
              </li>
              <li>Elsewhere, ask the person who runs this plane.</li>
            </ul>
          </>
        )}
      </div>
    </main>
  );
}
