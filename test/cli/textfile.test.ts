import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, statSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { writeTextfile } from '../../src/cli/textfile.ts';
import { asNobody } from '../support/system/as-nobody.ts';
import { crashDump } from '../support/dumps/crash-dumps.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { mayMount } from '../support/system/mounts.ts';
import { type Ended, MAIN, run } from '../support/daemon/program.ts';
import { valueIn } from '../support/daemon/running-daemon.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const TEMPLATE = readFileSync(fixture('x86_64-7.3.4.elf'));

function addDump(directory: string, boot: number): void {
  mkdirSync(join(directory, `${boot}`));
  writeFileSync(join(directory, `${boot}`, 'vmcore'), crashDump(TEMPLATE, { boot }));
}

interface Setup {
  readonly crashes: string;
  readonly ledger: string;
  readonly out: string;
}

function setup(): Setup {
  const crashes = tempDir();
  return { crashes, ledger: join(tempDir(), 'ledger'), out: join(tempDir(), 'hwerr.prom') };
}

function argsOf({ crashes, ledger, out }: Setup): string[] {
  const flags = ['--kdump.path', crashes, '--ledger.path', ledger, '--kdump.settle', '100ms'];
  return ['textfile', '--out', out, ...flags];
}

function textfile(where: Setup): Promise<Ended> {
  return run(argsOf(where));
}

it('writes a file that the collector may read, whatever the umask', () => {
  const out = join(tempDir(), 'hwerr.prom');
  const before = process.umask(0o077);
  try {
    writeTextfile(out, 'a 1\n');
  } finally {
    process.umask(before);
  }
  expect((statSync(out).mode & 0o777).toString(8)).toBe('644');
});

it('writes what a scrape would say, from pass to pass out of one ledger', async () => {
  const files = setup();
  const { crashes, out } = files;
  for (const [pass, boots] of [[1, 2], [3], []].entries()) {
    for (const boot of boots) addDump(crashes, boot);
    const { code, stderr } = await textfile(files);
    expect(code, stderr).toBe(0);
    const text = readFileSync(out, 'utf8');
    expect(valueIn(text, 'hwerr_crashes_total')).toBe(pass === 0 ? 2 : 3);
    expect(valueIn(text, 'hwerr_recoverable_errors_total{category="pci"}')).toBe(
      pass === 0 ? 14 : 21,
    );
    expect(text).not.toMatch(/^(process|nodejs)_/m);
    expect(statSync(out).mode & 0o777).toBe(0o644);
    expect(readdirSync(join(out, '..'))).toEqual(['hwerr.prom']);
  }
});

it('fails where it cannot write the file', async () => {
  const files = setup();
  const out = join(files.out, 'not', 'there.prom');
  expect(await textfile({ ...files, out })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('ENOENT') as string,
  });
});

it('leaves the old file as it is when the ledger cannot be used', async () => {
  const files = setup();
  writeFileSync(files.out, 'old');
  writeFileSync(files.ledger, 'no directory');
  expect((await textfile(files)).code).toBe(1);
  expect(readFileSync(files.out, 'utf8')).toBe('old');
});

it('leaves the old file as it is when it cannot write the new one', async () => {
  const folder = tempDir();
  const out = join(folder, 'hwerr.prom');
  writeFileSync(out, 'old');
  await asNobody(() => {
    expect(() => {
      writeTextfile(out, 'new');
    }).toThrow('EACCES');
  });
  mkdirSync(join(folder, 'taken.prom', 'x'), { recursive: true });
  expect(() => {
    writeTextfile(join(folder, 'taken.prom'), 'new');
  }).toThrow();
  expect(readFileSync(out, 'utf8')).toBe('old');
  expect(readdirSync(folder).sort()).toEqual(['hwerr.prom', 'taken.prom']);
});

it('is never seen in part, nor under another name that the collector reads', async () => {
  const folder = tempDir();
  const out = join(folder, 'hwerr.prom');
  const names = new Set<string>();
  const watcher = watch(folder, (_event, name) => names.add(name ?? ''));
  const text = 'x'.repeat(2 ** 20);
  for (let i = 0; i < 20; i++) {
    writeTextfile(out, text);
    expect(readFileSync(out, 'utf8')).toHaveLength(text.length);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  watcher.close();
  expect(names.size).toBeGreaterThan(1);
  expect([...names].filter((name) => name.endsWith('.prom'))).toEqual(['hwerr.prom']);
});

it.skipIf(!mayMount())('says what is missing where /proc is not mounted [needs mount]', () => {
  const where = setup();
  addDump(where.crashes, 1);
  const script = 'umount -l /proc && exec "$@"';
  const command = [process.execPath, MAIN, ...argsOf(where)];
  const { stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...command], {
    encoding: 'utf8',
  });
  expect(stderr).toContain('without /proc');
  const failures = 'hwerr_dump_decode_failures_total{reason="io"}';
  expect(valueIn(readFileSync(where.out, 'utf8'), failures)).toBe(1);
});
