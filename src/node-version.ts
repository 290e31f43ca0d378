// Which Node this program runs on. Imported before anything that an older Node cannot load.

/** The same as in package.json (engines): [major, minor]. */
const OLDEST = [24, 15] as const;

/** Why the program does not run on this version of Node (`20.20.2`), on one line; undefined when it does. */
export function refusal(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined;
  return (
    `this is Node ${version}, and Node ${OLDEST.join('.')} or later is needed: ` +
    'get it from https://nodejs.org, or in a checkout run `npx node dist/main.js`'
  );
}
