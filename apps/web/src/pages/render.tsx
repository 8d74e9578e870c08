import { renderDocument, type PageAssets } from "./document.tsx";
import { DeadLettersPage, type DeadLettersProps } from "./dead-letters-page.tsx";
import { HomePage, type HomeProps } from "./home-page.tsx";
import { ProblemPage, type ProblemProps } from "./problem-page.tsx";
import { SessionPage, type SessionProps } from "./session-page.tsx";
import { SignInPage, type SignInProps } from "./sign-in-page.tsx";

/** Every page as a function from what it shows to HTML. The build turns this file into the module that routes call. */
export interface Pages {
  deadLetters(props: DeadLettersProps): string;
  home(props: HomeProps): string;
  problem(props: ProblemProps): string;
  session(props: SessionProps): string;
  signIn(props: SignInProps): string;
}

export type { PageAssets };

export function createPages(assets: PageAssets): Pages {
  return {
    deadLetters: (props) =>
      renderDocument({
        title: "Failed for good",
        assets,
        person: props.person,
        children: <DeadLettersPage {...props} />,
      }),
    home: (props) =>
      renderDocument({
        title: "Sessions",
        assets,
        person: props.person,
        script: "home",
        children: <HomePage {...props} />,
      }),
    problem: (props) => renderDocument({ title: "Problem", assets, children: <ProblemPage {...props} /> }),
    session: (props) =>
      renderDocument({
        title: props.session.title || "Session",
        assets,
        person: props.person,
        script: "session",
        children: <SessionPage {...props} />,
      }),
    signIn: (props) => renderDocument({ title: "Sign in", assets, children: <SignInPage {...props} /> }),
  };
}
