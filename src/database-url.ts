/** Returns `text` if it is a PostgreSQL URL that libpq accepts, undefined otherwise. */
export function parseDatabaseUrl(text: string): string | undefined {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text) ? text : undefined;
}
