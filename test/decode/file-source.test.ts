import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { type FileSource, openFileSource } from '../../src/decode/file-source.ts';
import { asNobody } from '../support/system/as-nobody.ts';
import { makeFifo } from '../support/system/make-fifo.ts';
import { tempDir } from '../support/system/temp-dir.ts';

function fileOf(content: string): string {
  const path = join(tempDir(), 'vmcore');
  writeFileSync(path, content);
  return path;
}

function opened(path: string, root: string | undefined = dirname(path)): FileSource {
  const source = openFileSource(path, root);
  onTestFinished(() => {
    source.close();
  });
  return source;
}

describe('openFileSource', () => {
  it('reads what is asked, from where it is asked', () => {
    const source = opened(fileOf('0123456789'));
    expect(source.size).toBe(10);
    expect(Buffer.from(source.read(3, 4)).toString()).toBe('3456');
    expect(Buffer.from(source.read(0, 10)).toString()).toBe('0123456789');
    expect(source.read(10, 0)).toHaveLength(0);
  });

  it('reads into the room that it is given, and no more than is asked', () => {
    const source = opened(fileOf('0123456789'));
    const room = Buffer.from('........');
    const bytes = source.read(3, 4, room);
    expect(bytes.buffer).toBe(room.buffer);
    expect(Buffer.from(bytes).toString()).toBe('3456');
    expect(room.toString()).toBe('3456....');
  });

  it.each([
    [8, 3],
    [10, 1],
    [11, 0],
    [-1, 2],
    [0, -1],
    [0, Number.MAX_SAFE_INTEGER],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ])('says truncated where the file has no bytes: %d, %d', (offset, length) => {
    const source = opened(fileOf('0123456789'));
    expect(source.contains(offset, length)).toBe(false);
    expect(() => source.read(offset, length)).toThrow(
      expect.objectContaining({ tag: 'Corrupt', reason: 'truncated' }),
    );
  });

  it('says truncated, with both lengths, when the file was cut after it was opened', () => {
    const path = fileOf('0123456789');
    const source = opened(path);
    truncateSync(path, 4);
    expect(() => source.read(2, 6)).toThrow(
      expect.objectContaining({
        reason: 'truncated',
        message: 'file at 0x4: got 2 of 6 bytes of a file of 10',
      }),
    );
  });

  it('keeps the size it had when it was opened while the file grows', () => {
    const path = fileOf('0123456789');
    const source = opened(path);
    appendFileSync(path, 'abc');
    expect(source.size).toBe(10);
    expect(() => source.read(8, 4)).toThrow();
  });

  it('notices that the file was written to', () => {
    const path = fileOf('0123456789');
    utimesSync(path, 1000, 1000);
    const source = opened(path);
    expect(source.currentVersion()).toBe(source.version);
    appendFileSync(path, 'abc');
    expect(source.currentVersion()).not.toBe(source.version);
  });

  it('notices a write that left the size as it was', () => {
    const path = fileOf('0123456789');
    utimesSync(path, 1000, 1000);
    const source = opened(path);
    writeFileSync(path, '9876543210');
    expect(source.currentVersion()).not.toBe(source.version);
  });

  it('does not wait for a FIFO that no one writes to', () => {
    const path = join(tempDir(), 'vmcore');
    makeFifo(path);
    expect(() => openFileSource(path, dirname(path))).toThrow(
      expect.objectContaining({ reason: 'not_a_dump', message: `${path}: is no regular file` }),
    );
  });

  it('takes no directory and no device', () => {
    for (const path of [tempDir(), '/dev/null', '/dev/zero']) {
      expect(() => openFileSource(path, undefined)).toThrow(
        expect.objectContaining({ reason: 'not_a_dump' }),
      );
    }
  });

  it('follows a link only where a person named it', () => {
    const path = fileOf('0123456789');
    const link = `${path}.link`;
    symlinkSync(path, link);
    expect(() => openFileSource(link, dirname(link))).toThrow(
      expect.objectContaining({ reason: 'io', code: 'ELOOP' }),
    );
    expect(openFileSource(link, undefined).size).toBe(10);
  });

  it('says permission where the file may not be read', async () => {
    const path = fileOf('0123456789');
    chmodSync(path, 0);
    await asNobody(() => {
      expect(() => openFileSource(path, dirname(path))).toThrow(
        expect.objectContaining({ reason: 'permission', code: 'EACCES' }),
      );
    });
  });

  it('says io, with the path, where there is no file', () => {
    const path = join(tempDir(), 'gone');
    expect(() => openFileSource(path, dirname(path))).toThrow(
      expect.objectContaining({
        reason: 'io',
        code: 'ENOENT',
        message: expect.stringContaining(path) as string,
      }),
    );
  });

  it('takes nothing outside of the root, when a directory became a link meanwhile', () => {
    const base = tempDir();
    const root = join(base, 'crash');
    for (const directory of ['crash/host', 'crash-of-others/host']) {
      mkdirSync(join(base, directory), { recursive: true });
      writeFileSync(join(base, directory, 'vmcore'), directory);
    }
    const path = join(root, 'host', 'vmcore');
    openFileSource(path, root).close();
    renameSync(join(root, 'host'), join(root, 'was'));
    symlinkSync('../crash-of-others/host', join(root, 'host'));
    expect(() => openFileSource(path, root)).toThrow(
      expect.objectContaining({
        reason: 'not_a_dump',
        message: expect.stringContaining(`leads out of ${root}`) as string,
      }),
    );
    openFileSource(path, base).close(); // it stays within that
  });

  it('takes a root that is a link, or ends in a slash, for the directory it is', () => {
    const path = fileOf('0123456789');
    const directory = dirname(path);
    const link = join(tempDir(), 'link');
    symlinkSync(directory, link);
    for (const root of [link, `${directory}/`, '/']) openFileSource(path, root).close();
    openFileSource(join(link, 'vmcore'), link).close();
  });
});
