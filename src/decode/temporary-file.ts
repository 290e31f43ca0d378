// An unnamed file in the temporary directory, for content that arrives sequentially but needs random access.
// Its space is freed however the process ends.

import { randomUUID } from 'node:crypto';
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileError } from '../failure.ts';

/** An unnamed file in the temporary directory to which content is appended. */
export class TemporaryFile {
  /** Open and already unlinked: closing it frees its space. */
  readonly file: FileHandle;
  readonly #where: string;
  readonly #limit: number;
  #length = 0;

  private constructor(file: FileHandle, where: string, limit: number) {
    this.file = file;
    this.#where = where;
    this.#limit = limit;
  }

  /**
   * Creates an empty file, which may grow to half of the space that is free now.
   *
   * @throws FileError if the temporary directory cannot be used (`io`, `permission`).
   */
  static async create(): Promise<TemporaryFile> {
    const directory = tmpdir();
    const where = `temporary directory ${directory}`;
    const { bavail, bsize } = await on(where, () => statfs(directory));
    const path = join(directory, `hwerr-exporter-${randomUUID()}`);
    const file = await on(where, () => open(path, 'wx+', 0o600));
    try {
      await on(where, () => unlink(path));
    } catch (error) {
      await file.close();
      throw error;
    }
    return new TemporaryFile(file, where, (bavail * bsize) / 2);
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Appends a chunk.
   *
   * @param what is written, for the message.
   * @throws FileError if the file would exceed its limit (`limit_exceeded`), or the disk is full or broken
   *   (`io`).
   */
  async append(chunk: Uint8Array, what: string): Promise<void> {
    if (this.#length + chunk.length > this.#limit) {
      const got = `${what} takes more space than half of what is free in the ${this.#where}`;
      throw new FileError('limit_exceeded', `${got}, want another TMPDIR`);
    }
    const write = (): Promise<{ bytesWritten: number }> =>
      this.file.write(chunk, 0, chunk.length, this.#length);
    const { bytesWritten } = await on(this.#where, write);
    // A write that fills the disk is short, without an error.
    if (bytesWritten < chunk.length) throw new FileError('io', `${this.#where}: no space left`);
    this.#length += chunk.length;
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/** @throws FileError that names the place, so that the error is not attributed to the dump. */
async function on<T>(place: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw FileError.from(place, error);
  }
}
