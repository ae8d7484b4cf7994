import type { Answer, Question } from './children.ts';

type Handler = (argument: never) => unknown;

/** The child's side of `Child.ask`. */
export function answer(handlers: Readonly<Record<string, Handler>>): void {
  process.on('message', (question: Question) => {
    void reply(question, handlers[question.name]);
  });
  // Whoever asks is gone.
  process.on('disconnect', () => process.exit(0));
}

async function reply({ number, name, argument }: Question, handler?: Handler): Promise<void> {
  const answered: Answer =
    handler === undefined
      ? { number, error: `no answer to "${name}"` }
      : await Promise.resolve()
          .then(() => handler(argument as never))
          .then(
            (value) => ({ number, value }),
            (error: unknown) => ({ number, error: String((error as Error).stack) }),
          );
  process.send?.(answered);
}
