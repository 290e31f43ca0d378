// Root may read everything; what happens to whoever may not is tested as somebody else.

import process from 'node:process';

const NOBODY = 65_534;

/** For a process to be started as nobody, where we are root. */
export const AS_NOBODY: { readonly uid?: number; readonly gid?: number } =
  process.geteuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

/** Run `body` with the effective rights of the user nobody where we are root, else as we are. */
export async function asNobody<T>(body: () => T | Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return body();
  process.setegid?.(NOBODY);
  process.seteuid?.(NOBODY);
  try {
    return await body();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
