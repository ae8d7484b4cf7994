const exempt = new Set<string>();

/**
 * The secrets in this database may stand there in clear: its test is about running without AGENTKIT_ENCRYPTION_KEY.
 * A path of SQLite (a folder stands for all in it), or the URL of a PostgreSQL database.
 */
export function exemptDatabase(where: string): void {
  exempt.add(where);
}

export function isExempt(where: string): boolean {
  return [...exempt].some((start) => where.startsWith(start));
}
