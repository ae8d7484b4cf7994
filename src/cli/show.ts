import type { Terminal } from './terminal.ts';

/** Data: as one JSON document for programs, or as `forPeople` writes it. */
export function show<T>(
  terminal: Terminal,
  json: true | undefined,
  data: T,
  forPeople: (data: T) => string,
): void {
  terminal.print(json === true ? JSON.stringify(data) : forPeople(data));
}
