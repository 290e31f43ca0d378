// The built program, as people run it.

import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { runNode, MAIN, run } from '../support/daemon/program.ts';
import { fixture, fixtureReport } from '../support/dumps/fixtures.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const DUMP = 'x86_64-7.3.4.zlib';
const NO_HWERR = 'x86_64-6.18.12-no-hwerr.flat-zlib';

/** The keys of design section 3, in its order. */
const REPORT_KEYS = [
  'file',
  'container',
  'flattened',
  'compression',
  'arch',
  'kernelRelease',
  'buildId',
  'nodename',
  'bootId',
  'crashTimeSeconds',
  'incomplete',
  'vmcoreinfo',
  'symbolSource',
  'layoutSource',
  'hwerr',
  'panicMessage',
  'log',
  'hardwareEvents',
  'hardwareEventsOmitted',
  'loggedErrors',
  'previousBootRecords',
  'crash',
  'warnings',
];

function jsonLines(stdout: string): Record<string, unknown>[] {
  expect(stdout.endsWith('\n')).toBe(true);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Names every module on standard error as it is found. */
const NAMING_MODULES = `data:text/javascript,${encodeURIComponent(`
  import { register } from 'node:module';
  register('data:text/javascript,' + encodeURIComponent(\`
    import { writeSync } from 'node:fs';
    export async function resolve(specifier, context, next) {
      const found = await next(specifier, context);
      writeSync(2, found.url + '\\\\n');
      return found;
    }
  \`));
`)}`;

describe('decode', () => {
  it.each([DUMP, 'x86_64-7.3.4.zstd'])('loads no package but two to read %s', async (dump) => {
    const { code, stderr } = await runNode([
      '--import',
      NAMING_MODULES,
      MAIN,
      'decode',
      fixture(dump),
    ]);
    expect(code).toBe(0);
    const packages = [...stderr.matchAll(/node_modules\/([^/]+)/g)].map(([, name]) => name);
    expect([...new Set(packages)].sort()).toEqual(['commander', 'hysnappy']);
  });

  it('prints for people what happened, and how long before the crash', async () => {
    const { code, stdout, stderr } = await run(['decode', fixture(DUMP)]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.replaceAll(fixture(DUMP), 'FILE')).toMatchInlineSnapshot(`
      "FILE
        PCI error 9 s before the panic

        host      labhost
        kernel    7.3.4+deb13-cloud-amd64 (x86_64)
        crashed   2026-10-03 04:05:51 UTC
        boot id   04bb2f2f-62b4-4486-876d-d8be7859e9db
        dump      kdump, zlib

        CATEGORY  COUNT  LAST ERROR               BEFORE THE CRASH
        cpu       0      never
        memory    0      never
        pci       7      2026-10-03 04:05:42 UTC  9 s
        cxl       0      never
        others    10     2026-10-03 04:05:31 UTC  20 s

        no log: its pages were filtered out of the dump (page_excluded)

      "
    `);
  });

  it('says why a kernel has no counters, which is no failure', async () => {
    const { code, stdout } = await run(['decode', fixture(NO_HWERR)]);
    expect(code).toBe(0);
    expect(stdout).toContain(
      'no counters: this kernel does not count hardware errors (Linux 6.19 and later do) (kernel_without_hwerr)',
    );
  });

  it('prints JSON with exactly the documented keys, in their order, one line a file', async () => {
    const files = [DUMP, 'arm64-7.3.4.elf', 'x86_64-6.19.10-no-note.flat-zlib'];
    const { code, stdout, stderr } = await run(['decode', '--json', ...files.map(fixture)]);
    expect([code, stderr]).toEqual([0, '']);
    const lines = jsonLines(stdout);
    for (const [i, line] of lines.entries()) {
      expect(Object.keys(line)).toEqual(REPORT_KEYS);
      expect(line).toMatchObject({ file: fixture(files[i]!), ...fixtureReport(files[i]!) });
    }
    expect(stdout).toMatch(
      /"hwerr":\{"kind":"present","categories":\[\{"category":"cpu","count":0,/,
    );
    expect(lines).toHaveLength(files.length);
  });

  it('prints null and a reason where a dump has no answer', async () => {
    const { code, stdout } = await run(['decode', '--json', fixture(NO_HWERR)]);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toMatchObject([
      {
        symbolSource: null,
        layoutSource: null,
        panicMessage: null,
        hwerr: { kind: 'absent', reason: 'kernel_without_hwerr' },
      },
    ]);
  });

  it('names a file as it was named, and takes --json after it too', async () => {
    const link = join(tempDir(), 'link');
    symlinkSync(fixture(DUMP), link);
    const { code, stdout } = await run(['decode', link, '--json']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)[0]!['file']).toBe(link);
  });

  it('exits 1 when one of the files failed, and prints all of them', async () => {
    const directory = tempDir();
    const bad = join(directory, 'bad');
    const gone = join(directory, 'gone');
    writeFileSync(bad, 'no dump at all');
    const files = [bad, fixture(DUMP), gone, directory];
    const json = await run(['decode', '--json', ...files]);
    expect(json.code).toBe(1);
    const lines = jsonLines(json.stdout);
    expect(lines.map(({ file }) => file)).toEqual(files);
    expect(lines.map(({ error }) => (error as { reason: string } | undefined)?.reason)).toEqual([
      'not_a_dump',
      undefined,
      'io',
      'not_a_dump',
    ]);
    for (const i of [0, 2, 3]) {
      expect(Object.keys(lines[i]!)).toEqual(['file', 'error']);
      expect(Object.keys(lines[i]!['error'] as object)).toEqual(['reason', 'message']);
    }
    const people = await run(['decode', ...files]);
    expect(people.code).toBe(1);
    expect(people.stdout).toContain(`${bad}: not_a_dump: file: got no magic`);
    expect(people.stdout).toContain(`${gone}: io: `);
    expect(people.stdout).toContain('no such file');
    expect(people.stdout).toContain('labhost');
  });

  it('exits 1 for a dump that broke off before its counters, and says so', async () => {
    const path = join(tempDir(), 'vmcore');
    writeFileSync(path, readFileSync(fixture(DUMP)).subarray(0, 500_000));
    const json = await run(['decode', '--json', path]);
    expect(json.code).toBe(1);
    expect(jsonLines(json.stdout)).toMatchObject([
      { incomplete: true, hwerr: { kind: 'absent', reason: 'page_lost' } },
    ]);
    const people = await run(['decode', path]);
    expect(people.code).toBe(1);
    expect(people.stdout).toContain('kdump, zlib, incomplete');
    expect(people.stdout).toContain('the dump broke off before the page with the counters');
  });

  it('escapes control characters of file names for people, not in JSON', async () => {
    const name = join(tempDir(), 'a\x1b[31m\nb\u202e');
    copyFileSync(fixture('x86_64-7.3.4.lzo'), name);
    const people = await run(['decode', name, `${name}-gone`]);
    expect(people.stdout).not.toMatch(/[\x1b\u202e]/); // eslint-disable-line no-control-regex -- what is tested
    expect(people.stdout).toContain(String.raw`a\x1b[31m\x0ab\u{202e}`);
    const json = await run(['decode', '--json', name]);
    expect(jsonLines(json.stdout)[0]!['file']).toBe(name);
  });

  it('ends quietly when nobody reads on', async () => {
    const files = Array<string>(20).fill(fixture('x86_64-7.3.4.lzo'));
    const script = 'node "$@" | head -n 1';
    const wrapper = `
      const { spawnSync } = require('node:child_process');
      const { stdout, stderr } = spawnSync('sh', ['-c', ${JSON.stringify(script)}, 'sh', ...process.argv.slice(1)]);
      process.stdout.write(stdout);
      process.stderr.write(stderr);`;
    const { stdout, stderr } = await runNode(['-e', wrapper, MAIN, 'decode', ...files]);
    expect(stdout).toBe(`${files[0]!}\n`);
    expect(stderr).toBe('');
  });
});
