import { inspect } from "node:util";
import { hidden } from "@open-cowork/contracts/secret-shapes";

/** A value that can be carried and compared but not printed: whoever needs it says `reveal`, which is easy to find. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toJSON(): typeof hidden {
    return hidden;
  }

  toString(): typeof hidden {
    return hidden;
  }

  [inspect.custom](): typeof hidden {
    return hidden;
  }
}
