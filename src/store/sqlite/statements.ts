import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Statements whose text is put together, prepared once each; there are a few dozen shapes. */
export function createStatements(db: DatabaseSync): (sql: string) => StatementSync {
  const prepared = new Map<string, StatementSync>();
  return (sql) => {
    let statement = prepared.get(sql);
    if (statement === undefined) {
      statement = db.prepare(sql);
      prepared.set(sql, statement);
    }
    return statement;
  };
}
