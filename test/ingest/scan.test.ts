import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { shownPath } from '../../src/file-path.ts';
import { globPattern } from '../../src/ingest/file-names.ts';
import { scanDirectory } from '../../src/ingest/scan.ts';
import { asNobody } from '../support/system/as-nobody.ts';
import { eventually } from '../support/system/eventually.ts';
import { makeFifo } from '../support/system/make-fifo.ts';
import { tempDir } from '../support/system/temp-dir.ts';

function write(path: string, content = '\x7fELF'): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Bytes that this process has read so far. */
function bytesRead(): number {
  return Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
}

async function foundIn(root: string, excluded: readonly RegExp[] = []): Promise<string[]> {
  const { files, unreadable } = await scanDirectory(root, excluded);
  expect(unreadable).toEqual([]);
  return files.map(({ path }) => relative(root, path)).sort();
}

describe('scanDirectory', () => {
  it('finds files whose names are no UTF-8, below directories whose names are none', async () => {
    const root = tempDir();
    const directory = Buffer.concat([Buffer.from(`${root}/m`), Buffer.from([0xe4])]);
    mkdirSync(directory);
    writeFileSync(
      Buffer.concat([directory, Buffer.from('/vmcore'), Buffer.from([0xff])]),
      '\x7fELF',
    );
    const { files, unreadable } = await scanDirectory(root, []);
    expect(unreadable).toEqual([]);
    expect(files.map(({ path }) => shownPath(path))).toEqual([`${root}/m\\xe4/vmcore\\xff`]);
  });

  it('finds the dumps of every distribution, and not what lies beside them', async () => {
    const root = tempDir();
    const dumps = [
      '127.0.0.1-2026-10-03-04:05:51/vmcore', // Fedora, RHEL
      '127.0.0.1-2026-10-04-04:05:51/vmcore-incomplete', // the same when makedumpfile failed
      '202610030405/dump.202610030405', // Debian, Ubuntu
      '2026-10-03-04:05/vmcore', // SUSE
      'host-a/2026-10-03/vmcore', // a central store
    ];
    const others = [
      '127.0.0.1-2026-10-03-04:05:51/vmcore-dmesg.txt',
      '202610030405/dmesg.202610030405',
      '2026-10-03-04:05/README.txt',
      'kexec_cmd',
    ];
    for (const path of [...dumps, ...others]) write(join(root, path));
    expect(await foundIn(root)).toEqual([...dumps].sort());
  });

  it('looks four directories deep and no deeper', async () => {
    const root = tempDir();
    for (const path of ['0', '1/f', '1/2/f', '1/2/3/f', '1/2/3/4/f', '1/2/3/4/5/f']) {
      write(join(root, path));
    }
    expect(await foundIn(root)).toEqual(['0', '1/2/3/4/f', '1/2/3/f', '1/2/f', '1/f']);
  });

  it('applies the globs to paths below the root', async () => {
    const root = join(tempDir(), 'kdump-test-of-ours');
    write(join(root, 'kdump-test-1/vmcore'));
    write(join(root, 'a/vmcore'));
    expect(await foundIn(root, [globPattern('**/kdump-test-*/**')])).toEqual(['a/vmcore']);
  });

  it('follows no link, and takes nothing that is not a regular file', async () => {
    const root = tempDir();
    const elsewhere = tempDir();
    write(join(elsewhere, 'vmcore'));
    write(join(root, 'real'));
    symlinkSync(elsewhere, join(root, 'linked-directory'));
    symlinkSync(join(elsewhere, 'vmcore'), join(root, 'linked-file'));
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
    symlinkSync(root, join(root, 'loop'));
    makeFifo(join(root, 'vmcore-fifo'));
    const server = createServer().listen(join(root, 'vmcore-socket'));
    onTestFinished(() => {
      server.close();
    });
    await once(server, 'listening');
    if (process.getuid?.() === 0) {
      execFileSync('mknod', [join(root, 'vmcore-character'), 'c', '1', '5']);
      execFileSync('mknod', [join(root, 'vmcore-block'), 'b', '7', '0']);
    }
    expect(await foundIn(root)).toEqual(['real']);
  });

  it('finds a hard-linked file under each of its names', async () => {
    const root = tempDir();
    write(join(root, 'a'));
    linkSync(join(root, 'a'), join(root, 'b'));
    const { files } = await scanDirectory(root, []);
    expect(new Set(files.map(({ version }) => version)).size).toBe(1);
    expect(files).toHaveLength(2);
  });

  it('tells size and time, and another version after every change of them', async () => {
    const root = tempDir();
    const path = join(root, 'vmcore');
    const look = async (): Promise<string> => (await scanDirectory(root, [])).files[0]!.version;
    write(path, '1234');
    utimesSync(path, 1000, 1000);
    const { files } = await scanDirectory(root, []);
    expect(files).toMatchObject([{ path, size: 4, mtimeMs: 1_000_000 }]);
    const versions = [await look(), await look()];
    expect(versions[1]).toBe(versions[0]);
    utimesSync(path, 1000, 1000.001);
    versions.push(await look());
    writeFileSync(path, '12345');
    utimesSync(path, 1000, 1000.001);
    versions.push(await look());
    expect(new Set(versions).size).toBe(3);
  });

  it('fails when the root is not there, or is no directory', async () => {
    const root = tempDir();
    write(join(root, 'file'));
    await expect(scanDirectory(join(root, 'gone'), [])).rejects.toMatchObject({
      reason: 'io',
      code: 'ENOENT',
    });
    await expect(scanDirectory(join(root, 'file'), [])).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('goes on and says so when a directory below may not be read', async () => {
    const root = tempDir();
    write(join(root, 'a/vmcore'));
    write(join(root, 'secret/vmcore'));
    chmodSync(root, 0o755);
    chmodSync(join(root, 'secret'), 0o700);
    const { files, unreadable } = await asNobody(() => scanDirectory(root, []));
    expect(files.map(({ path }) => path)).toEqual([join(root, 'a/vmcore')]);
    expect(unreadable).toMatchObject([
      { path: join(root, 'secret'), error: { reason: 'permission', code: 'EACCES' } },
    ]);
  });

  it('says it of the directory when its files may not be looked at', async () => {
    const root = tempDir();
    for (const name of ['vmcore.1', 'vmcore.2']) write(join(root, 'listed', name));
    chmodSync(root, 0o755);
    chmodSync(join(root, 'listed'), 0o744);
    const { files, unreadable } = await asNobody(() => scanDirectory(root, []));
    expect(files).toEqual([]);
    expect(unreadable).toMatchObject([
      { path: join(root, 'listed'), error: { reason: 'permission', code: 'EACCES' } },
    ]);
  });

  it('leaves out what is no dump by its first bytes, unless its name says that it is one', async () => {
    const root = tempDir();
    write(join(root, 'notes'), 'of no dump');
    write(join(root, 'empty'), '');
    write(join(root, 'zeros'), '\0'.repeat(5000));
    write(join(root, 'vmcore'), '');
    write(join(root, 'labhost-dump.202610030405'), 'KDU');
    for (const [name, magic] of [
      ['kdump', 'KDUMP   '],
      ['elf', '\x7fELF'],
      ['flat', 'makedumpfile\0\0\0\0'],
      ['packed', '\x1f\x8b'],
      ['bzip2', 'BZh9'],
    ] as const) {
      writeFileSync(join(root, name), magic, 'latin1');
    }
    const { notDumps } = await scanDirectory(root, []);
    expect(notDumps.size).toBe(3);
    expect(await foundIn(root)).toEqual(
      ['bzip2', 'elf', 'flat', 'kdump', 'labhost-dump.202610030405', 'packed', 'vmcore'].sort(),
    );
  });

  it('opens such a file once for each of its states, and keeps nothing of one that is gone', async () => {
    const root = tempDir();
    for (let i = 0; i < 3000; i++) write(join(root, `other.${i}`), 'of no dump '.repeat(400));
    const first = await scanDirectory(root, []);
    expect(first.notDumps.size).toBe(3000);
    const before = bytesRead();
    const second = await scanDirectory(root, [], first.notDumps);
    expect(bytesRead() - before).toBeLessThan(1_000_000);
    expect(second.notDumps).toEqual(first.notDumps);
    writeFileSync(join(root, 'other.7'), '\x7fELF');
    rmSync(join(root, 'other.8'));
    renameSync(join(root, 'other.9'), join(root, 'vmcore'));
    const third = await scanDirectory(root, [], second.notDumps);
    expect(third.files.map(({ path }) => relative(root, path)).sort()).toEqual([
      'other.7',
      'vmcore',
    ]);
    expect(third.notDumps.size).toBe(2997);
  });

  it('tells another directory under the same name, and the same one however full', async () => {
    const base = tempDir();
    const root = join(base, 'crash');
    const identity = async (): Promise<string | undefined> =>
      (await scanDirectory(root, [])).identity;
    mkdirSync(root);
    const first = await identity();
    write(join(root, 'host/vmcore'));
    chmodSync(root, 0o700);
    expect(await identity()).toBe(first);
    // The clock by which files are born goes in steps.
    const { birthtimeMs } = statSync(root);
    await eventually('a later time of files', () => {
      const { birthtimeMs: now } = statSync(mkdtempSync(join(base, 'at-')));
      return now > birthtimeMs || undefined;
    });
    rmSync(root, { recursive: true });
    mkdirSync(root);
    expect(await identity()).not.toBe(first);
  });

  it.each([
    ['This file will be overwritten when the dump is finished.\n', 'writing'],
    ['vmcore status: saved successfully\n', 'written'],
    ['Kernel version: 6.4\n', undefined],
  ])('hands on what the kdump tool says of the files beside it: %j', async (text, saved) => {
    const root = tempDir();
    write(join(root, 'told/vmcore'));
    write(join(root, 'told/README.txt'), text);
    write(join(root, 'told/deeper/vmcore'));
    write(join(root, 'vmcore'));
    const { files } = await scanDirectory(root, []);
    const byPath = Object.fromEntries(files.map((file) => [relative(root, file.path), file.saved]));
    expect(byPath).toEqual({
      'told/vmcore': saved,
      'told/deeper/vmcore': undefined,
      vmcore: undefined,
    });
  });

  it('fails when the root may not be read', async () => {
    const root = tempDir();
    chmodSync(root, 0o700);
    await expect(asNobody(() => scanDirectory(root, []))).rejects.toMatchObject({
      reason: 'permission',
    });
  });

  it('takes what vanishes while it looks for what it is: gone', async () => {
    const root = tempDir();
    const paths = Array.from({ length: 60 }, (_, i) => join(root, `${i % 3}`, `vmcore.${i}`));
    let isBetween = false;
    for (let turns = 0; !isBetween; turns = (turns + 7) % 300) {
      for (const path of paths) write(path);
      const scan = scanDirectory(root, []);
      for (let turn = 0; turn < turns; turn++) await nextTurn();
      for (const path of paths) rmSync(dirname(path), { recursive: true, force: true });
      const { files, unreadable } = await scan;
      expect(unreadable).toEqual([]);
      isBetween = files.length > 0 && files.length < paths.length;
    }
  });
});
