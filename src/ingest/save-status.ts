// What SUSE's kdump says of the dump beside it. It writes `vmcore` under its final name from the first
// byte on, and README.txt twice: when it begins, and when it is through, with a status line
// (dracut/kdump-save of kdump 1.9 and later; kdumptool before that).

import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { systemPath } from '../file-path.ts';

export const STATUS_FILE = 'README.txt';
const MAX_BYTES = 16 * 1024;

/** `writing`: surely not ready. `written`: nothing more will come, good or bad. */
export type SaveStatus = 'writing' | 'written';

/** @returns undefined when the text says neither, or cannot be read: it is a hint, no more. */
export async function readSaveStatus(path: string): Promise<SaveStatus | undefined> {
  try {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
    const file = await open(systemPath(path), flags);
    try {
      if (!(await file.stat()).isFile()) return undefined;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
      return saveStatus(buffer.toString('latin1', 0, bytesRead));
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** What the text of README.txt says; undefined when it says neither. */
export function saveStatus(text: string): SaveStatus | undefined {
  if (/^vmcore status:\s*\S/m.test(text)) return 'written';
  return /overwritten when the dump is (finished|complete)|likely incomplete/.test(text)
    ? 'writing'
    : undefined;
}
