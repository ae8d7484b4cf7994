import {
  sql,
  type Database,
  type Row,
  type Statement,
  type Transaction,
  type Value,
} from './database.ts';

/** A statement with `?` for each value, in their order. */
export interface Query {
  readonly text: string;
  readonly values: readonly Value[];
}

/** Prepares texts that are put together, each shape under a name of its own: a few dozen of each family. */
export class Numbered {
  readonly #family: string;
  readonly #prepared = new Map<string, Statement>();

  constructor(family: string) {
    this.#family = family;
  }

  run(on: Pick<Database, 'read'> | Transaction, { text, values }: Query): Promise<Row[]> {
    let statement = this.#prepared.get(text);
    if (statement === undefined) {
      let place = 0;
      const numbered = text.replaceAll('?', () => `$${(place += 1)}`);
      statement = sql(`${this.#family}_${this.#prepared.size}`, numbered);
      this.#prepared.set(text, statement);
    }
    return 'read' in on ? on.read(statement, values) : on.query(statement, values);
  }
}
