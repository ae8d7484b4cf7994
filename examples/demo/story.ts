/** Why the demo failed, in one sentence. */
export class StoryError extends Error {
  override readonly name = 'StoryError';
}

/** A step that takes longer than this is not going to happen. */
const STEP_MS = 8_000;
/** With the start and the end of the processes the demo stays under 20 s in any case. */
const STORY_MS = 16_000;
/** Who plays with a secret "wrong" still wants to read that word. */
const MIN_SECRET_CHARS = 8;

/**
 * Tells what has been proved to happen, one line a step. A step that does not happen in time ends the story, and so
 * does `fail`, whatever is being waited for: a process that ended, a signature that was refused, Ctrl-C.
 */
export class Story {
  readonly #print: (line: string) => void;
  readonly #secrets: readonly string[];
  readonly #failed: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  readonly #stepMs: number;
  #reject: (error: StoryError) => void = () => undefined;
  #failure: StoryError | undefined;
  #steps = 0;

  constructor(options: {
    print(line: string): void;
    /** Never printed, wherever they come from. */
    secrets: readonly string[];
    stepMs?: number;
    storyMs?: number;
  }) {
    const { storyMs = STORY_MS } = options;
    this.#print = (line) => {
      options.print(line);
    };
    this.#secrets = options.secrets.filter(({ length }) => length >= MIN_SECRET_CHARS);
    this.#stepMs = options.stepMs ?? STEP_MS;
    this.#failed = new Promise((_resolve, reject) => (this.#reject = reject));
    // Between two steps nobody waits for it.
    this.#failed.catch(() => undefined);
    this.#timer = setTimeout(() => {
      this.fail(`the story was not over after ${String(storyMs)} ms`);
    }, storyMs);
  }

  get steps(): number {
    return this.#steps;
  }

  say(line: string): void {
    this.#print(this.#secrets.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), line));
  }

  /** Waits for `happening`, and tells of it: from whom to whom, and what. */
  async step<T>(
    who: string,
    what: string,
    happening: Promise<T>,
    tell: (value: T) => string,
  ): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new StoryError(`did not happen within ${String(this.#stepMs)} ms`));
      }, this.#stepMs);
    });
    try {
      // Failed comes first: of what is settled already the first one wins.
      const value = await Promise.race([this.#failed, happening, late]);
      this.#steps += 1;
      this.say(`${String(this.#steps).padStart(2)}  ${who.padEnd(22)} ${tell(value)}`);
      return value;
    } catch (error) {
      const { message } = error as Error;
      // What failed elsewhere may have nothing to do with the step that is waited for.
      if (error === this.#failure) throw new StoryError(`${message} (awaited: ${who}, ${what})`);
      throw new StoryError(`${who}: ${what}: ${message}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The first reason counts. */
  fail(reason: string): void {
    this.#failure ??= new StoryError(reason);
    this.#reject(this.#failure);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** `actual`, if each of the expected fields is as it should be. */
export function confirm<T extends object>(
  actual: T,
  expected: Readonly<Record<string, unknown>>,
): T {
  for (const [field, value] of Object.entries(expected)) {
    const [got, wanted] = [
      JSON.stringify((actual as Record<string, unknown>)[field]),
      JSON.stringify(value),
    ];
    if (got !== wanted) throw new StoryError(`${field} is ${got}, not ${String(wanted)}`);
  }
  return actual;
}
