// Reads the state that SUSE's kdump writes beside a dump. It creates `vmcore` under its final name, and writes
// README.txt twice: at the start, and at the end with a status line (dracut/kdump-save of kdump 1.9 and
// later; kdumptool before).

import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { systemPath } from '../file-path.ts';

export const STATUS_FILE = 'README.txt';
const MAX_BYTES = 16 * 1024;

/** `writing`: not complete yet. `written`: the tool has finished, successfully or not. */
export type SaveStatus = 'writing' | 'written';

/** @returns undefined if the text says neither or cannot be read, since it is only a hint. */
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

/** Parses the text of README.txt; undefined if it says neither. */
export function saveStatus(text: string): SaveStatus | undefined {
  if (/^vmcore status:\s*\S/m.test(text)) return 'written';
  return /overwritten when the dump is (finished|complete)|likely incomplete/.test(text)
    ? 'writing'
    : undefined;
}
