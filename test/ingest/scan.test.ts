import {
  chmodSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { globPattern } from '../../src/ingest/file-names.ts';
import { scanDirectory } from '../../src/ingest/scan.ts';
import { asNobody } from '../support/as-nobody.ts';
import { makeFifo } from '../support/make-fifo.ts';
import { tempDir } from '../support/temp-dir.ts';

function write(path: string, content = 'x'): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

async function foundIn(root: string, excluded: readonly RegExp[] = []): Promise<string[]> {
  const { files, errors } = await scanDirectory(root, excluded);
  expect(errors).toEqual([]);
  return files.map(({ path }) => relative(root, path)).sort();
}

describe('scanDirectory', () => {
  it('finds the dumps of every distribution, and not what lies beside them', async () => {
    const root = tempDir();
    const dumps = [
      '127.0.0.1-2026-10-03-04:05:51/vmcore', // Fedora, RHEL
      '202610030405/dump.202610030405', // Debian, Ubuntu
      '2026-10-03-04:05/vmcore', // SUSE
      'host-a/2026-10-03/vmcore', // a central store
    ];
    const others = [
      '127.0.0.1-2026-10-03-04:05:51/vmcore-dmesg.txt',
      '202610030405/dmesg.202610030405',
      '2026-10-03-04:05/README.txt',
      '127.0.0.1-2026-10-04-04:05:51/vmcore-incomplete',
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
    makeFifo(join(root, 'fifo'));
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
    const { files, errors } = await asNobody(() => scanDirectory(root, []));
    expect(files.map(({ path }) => path)).toEqual([join(root, 'a/vmcore')]);
    expect(errors).toMatchObject([{ reason: 'permission', code: 'EACCES' }]);
    expect(errors[0]?.message).toContain(join(root, 'secret'));
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
    const counts: number[] = [];
    for (let turns = 0; turns < 40; turns++) {
      for (const path of paths) write(path);
      const scan = scanDirectory(root, []);
      for (let turn = 0; turn < turns; turn++) await nextTurn();
      for (const path of paths) rmSync(dirname(path), { recursive: true, force: true });
      const { files, errors } = await scan;
      expect(errors).toEqual([]);
      counts.push(files.length);
    }
    expect(counts.some((count) => count > 0 && count < paths.length)).toBe(true);
  });
});
