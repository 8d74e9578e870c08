interface Waiting<Item, Answer> {
  item: Item;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/**
 * Calls of many lanes gathered into few: what comes while `atOnce` calls are under way goes out together with the next.
 * Nobody waits for a timer, so a lane alone pays nothing for it.
 */
export class Grouped<Item, Answer> {
  readonly #send: (items: Item[]) => Promise<Answer[]>;
  readonly #atOnce: number;
  readonly #most: number;
  readonly #waiting: Array<Waiting<Item, Answer>> = [];
  #underWay = 0;
  #scheduled = false;

  constructor(send: (items: Item[]) => Promise<Answer[]>, { atOnce, most }: { atOnce: number; most: number }) {
    this.#send = send;
    this.#atOnce = atOnce;
    this.#most = most;
  }

  call(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#scheduled || this.#underWay >= this.#atOnce) return;
    this.#scheduled = true;
    // After this turn: the lanes that the same answer woke speak together.
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#waiting.length === 0 || this.#underWay >= this.#atOnce) return;
      void this.#dispatch(this.#waiting.splice(0, this.#most));
    });
  }

  async #dispatch(batch: Array<Waiting<Item, Answer>>): Promise<void> {
    this.#underWay += 1;
    try {
      const answers = await this.#send(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, n) => resolve(answers[n]!));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#underWay -= 1;
      if (this.#waiting.length > 0) this.#pump();
    }
  }
}
