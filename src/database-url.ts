/** The URL of a PostgreSQL database, as libpq takes it; undefined for any other text. */
export function parseDatabaseUrl(text: string): string | undefined {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text) ? text : undefined;
}
