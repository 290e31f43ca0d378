// A file without a name in the temporary directory, for what can be read only from the start and is
// needed here and there. Its space is free again however the process ends.

import { randomUUID } from 'node:crypto';
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileError } from '../failure.ts';

/** A file without a name in the temporary directory, which grows by what is appended. */
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
   * An empty one. It takes at most half of the space that is free now.
   *
   * @throws FileError when the temporary directory cannot be used (`io`, `permission`).
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
   * @param what is written, for the message.
   * @throws FileError when that is larger than the file may be (`limit_exceeded`), or the disk is full
   *   or broken (`io`).
   */
  async append(chunk: Uint8Array, what: string): Promise<void> {
    if (this.#length + chunk.length > this.#limit) {
      const got = `${what} takes more space than half of what is free in the ${this.#where}`;
      throw new FileError('limit_exceeded', `${got}, want another TMPDIR`);
    }
    const write = (): Promise<{ bytesWritten: number }> =>
      this.file.write(chunk, 0, chunk.length, this.#length);
    const { bytesWritten } = await on(this.#where, write);
    // The last space of a disk takes part of a chunk without an error.
    if (bytesWritten < chunk.length) throw new FileError('io', `${this.#where}: no space left`);
    this.#length += chunk.length;
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/** @throws FileError that names the place, so that it is not taken for an error of the dump. */
async function on<T>(place: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw FileError.from(place, error);
  }
}
