// The built program, as people run it.

import { type SpawnSyncReturns, execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { schemaOf } from '../support/daemon/crash-schema.ts';
import { runNode, MAIN, run, runAsNobody, withoutOurs } from '../support/daemon/program.ts';
import { fixture, fixtureReport } from '../support/dumps/fixtures.ts';
import { mayMount } from '../support/system/mounts.ts';
import { smallDisk } from '../support/system/small-disk.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

const script = needsTool('script');

const DUMP = 'x86_64-7.3.4.zlib';
const NO_HWERR = 'x86_64-6.18.12-no-hwerr.flat-zlib';

/** The keys of design section 3, in its order. */
const REPORT_KEYS = [
  'schemaVersion',
  'file',
  'verdict',
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
  'machine',
  'signatureId',
];

function jsonLines(stdout: string): Record<string, unknown>[] {
  expect(stdout.endsWith('\n')).toBe(true);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Adds the URL of every module to a file, as it is found: standard error may have no room. */
const namingModules = (file: string): string =>
  `data:text/javascript,${encodeURIComponent(`
  import { register } from 'node:module';
  register('data:text/javascript,' + encodeURIComponent(\`
    import { appendFileSync } from 'node:fs';
    export async function resolve(specifier, context, next) {
      const found = await next(specifier, context);
      appendFileSync(${JSON.stringify(file)}, found.url + '\\\\n');
      return found;
    }
  \`));
`)}`;

describe('decode', () => {
  it.each([DUMP, 'x86_64-7.3.4.zstd'])('loads no package but two to read %s', async (dump) => {
    const file = join(tempDir(), 'modules');
    const args = ['--import', namingModules(file), MAIN, 'decode', fixture(dump)];
    expect((await runNode(args)).code).toBe(0);
    const modules = readFileSync(file, 'utf8');
    const packages = [...modules.matchAll(/node_modules\/([^/]+)/g)].map(([, name]) => name);
    expect([...new Set(packages)].sort()).toEqual(['commander', 'hysnappy']);
  });

  it('prints for people what happened, and how long before the crash', async () => {
    const { code, stdout, stderr } = await run(['decode', fixture(DUMP)]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.replaceAll(fixture(DUMP), 'FILE')).toMatchInlineSnapshot(`
      "PCI error 9 s before the panic
        file      FILE
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
      expect(schemaOf('crash').safeParse(line).error).toBeUndefined();
      expect(schemaOf('crash').safeParse({ ...line, more: 1 }).success).toBe(false);
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
    const files = [bad, fixture(DUMP), gone];
    const json = await run(['decode', '--json', ...files]);
    expect(json.code).toBe(1);
    const lines = jsonLines(json.stdout);
    expect(lines.map(({ file }) => file)).toEqual(files);
    expect(lines.map(({ error }) => (error as { reason: string } | undefined)?.reason)).toEqual([
      'not_a_dump',
      undefined,
      'io',
    ]);
    for (const i of [0, 2]) {
      expect(schemaOf('failure').safeParse(lines[i]).error).toBeUndefined();
    }
    const people = await run(['decode', ...files]);
    expect(people.code).toBe(1);
    expect(people.stderr).toBe(
      `hwerr-exporter: ${bad}: file: is no kernel dump: it begins neither as KDUMP nor as ELF (not_a_dump). Not a crash dump. Leave it out with --kdump.exclude if it stays.\n` +
        `hwerr-exporter: ${gone}: no such file\n`,
    );
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
    expect(people.stdout + people.stderr).not.toMatch(/[\x1b\u202e]/); // eslint-disable-line no-control-regex -- what is tested
    for (const text of [people.stdout, people.stderr]) {
      expect(text).toContain(String.raw`a\x1b[31m\x0ab\u{202e}`);
    }
    const json = await run(['decode', '--json', name]);
    expect(jsonLines(json.stdout)[0]!['file']).toBe(name);
  });

  it('says what to do about an empty file', async () => {
    const path = join(tempDir(), 'vmcore');
    writeFileSync(path, '');
    const { code, stdout, stderr } = await run(['decode', path]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      `hwerr-exporter: ${path}: file: is an empty file (truncated). The dump broke off. Was the disk full? Is it still being copied?\n`,
    );
  });

  it('judges by the suspect window that is given, or by that of the environment', async () => {
    const args = ['decode', fixture(DUMP)];
    const later = 'Last hardware error 9 s before the panic (PCI)';
    const flag = await run([...args, '--hwerr.suspect-window=5s']);
    const variable = await run(args, { HWERR_HWERR_SUSPECT_WINDOW: '5s' });
    for (const { stdout } of [flag, variable]) expect(stdout.split('\n')[0]).toBe(later);
  });

  it('prints the panic line once', async () => {
    const { stdout } = await run(['decode', fixture('x86_64-7.3.4-log.zlib')]);
    expect(stdout.match(/Kernel panic - not syncing/g)).toHaveLength(1);
  });

  it('ends quietly when nobody reads on', async () => {
    const files = Array<string>(20).fill(fixture('x86_64-7.3.4.lzo'));
    const script = '"$0" "$@" | head -n 1';
    const wrapper = `
      const { spawnSync } = require('node:child_process');
      const { stdout, stderr } = spawnSync('sh', ['-c', ${JSON.stringify(script)}, process.execPath, ...process.argv.slice(1)]);
      process.stdout.write(stdout);
      process.stderr.write(stderr);`;
    const { stdout, stderr } = await runNode(['-e', wrapper, MAIN, 'decode', ...files]);
    expect(stdout).toBe('PCI error 9 s before the panic\n');
    expect(stderr).toBe('');
  });
});

describe('decode of a directory', () => {
  /** Two dumps, one of them deeper, among what kdump and people leave beside them. */
  function crashDirectory(): string {
    const root = tempDir();
    for (const host of ['b', 'a', 'kdump-test-1']) {
      mkdirSync(join(root, host));
      copyFileSync(fixture('x86_64-7.3.4.lzo'), join(root, host, 'vmcore'));
      writeFileSync(join(root, host, 'vmcore-dmesg.txt'), 'text');
    }
    symlinkSync(fixture(DUMP), join(root, 'vmcore-link'));
    return root;
  }
  const filesOf = (stdout: string): unknown[] => jsonLines(stdout).map(({ file }) => file);

  it('prints the dumps that the daemon would find, by name', async () => {
    const root = crashDirectory();
    const { code, stdout, stderr } = await run(['decode', '--json', root]);
    expect([code, stderr]).toEqual([0, '']);
    expect(filesOf(stdout)).toEqual([join(root, 'a/vmcore'), join(root, 'b/vmcore')]);
  });

  it('leaves out what is excluded, and takes files beside it', async () => {
    const root = crashDirectory();
    const args = ['decode', '--json', '--kdump.exclude=a/*', root, fixture(DUMP)];
    const { stdout } = await run(args);
    const found = [join(root, 'b/vmcore'), join(root, 'kdump-test-1/vmcore'), fixture(DUMP)];
    expect(filesOf(stdout)).toEqual(found);
  });

  it('says that there is none, which is no failure', async () => {
    const root = tempDir();
    expect(await run(['decode', root])).toEqual({
      code: 0,
      stdout: '',
      stderr: `hwerr-exporter: ${root}: no dump in it\n`,
    });
  });

  it('names what it may not read, and how to grant it', async () => {
    const root = crashDirectory();
    chmodSync(root, 0o755);
    chmodSync(join(root, 'a'), 0o700);
    chmodSync(join(root, 'b/vmcore'), 0o600);
    const json = jsonLines((await runAsNobody(['decode', '--json', root])).stdout);
    expect(json.map(({ error }) => (error as { reason: string }).reason)).toEqual([
      'permission',
      'permission',
    ]);
    for (const line of json) expect(schemaOf('failure').safeParse(line).error).toBeUndefined();
    const { code, stdout, stderr } = await runAsNobody(['decode', root]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/\/a: EACCES.*user 0, group 0, mode 700: give the exporter .*CAP_DAC/),
      expect.stringMatching(/\/b\/vmcore: EACCES.*mode 600: give the exporter .*CAP_DAC/),
      '',
    ]);
  });
});

describe('decode of standard input', () => {
  const decode = (input: Uint8Array, ...args: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, [MAIN, 'decode', ...args, '-'], {
      input,
      env: { ...withoutOurs(process.env), TMPDIR: spool() },
      encoding: 'utf8',
    });
  let folder = '';
  const spool = (): string => (folder = tempDir());

  it.each([
    ['a dump', (bytes: Uint8Array) => bytes],
    ['a packed one', gzipSync],
  ])('reads %s as a file, and leaves no file behind', (_what, packed) => {
    const { status, stdout, stderr } = decode(packed(readFileSync(fixture(DUMP))), '--json');
    expect([status, stderr]).toEqual([0, '']);
    const { compression, ...known } = fixtureReport(DUMP);
    expect(jsonLines(stdout)[0]).toMatchObject({ file: '-', ...known });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says so when nothing comes', () => {
    const { status, stderr } = decode(new Uint8Array());
    expect(status).toBe(1);
    expect(stderr).toContain('-: file: is an empty file');
  });

  it.runIf(mayMount())('ends when the temporary directory has too little room', () => {
    const disk = smallDisk();
    const env = { ...withoutOurs(process.env), TMPDIR: disk.path };
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'decode', '-'], {
      input: new Uint8Array(13 << 20),
      env,
      encoding: 'utf8',
    });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(
      `standard input takes more space than half of what is free in the temporary directory ${disk.path}, want another TMPDIR`,
    );
    expect(readdirSync(disk.path)).toEqual([]);
  });
});

script.describe('decode on a terminal', () => {
  const typed = (command: string, environment: Record<string, string> = {}): string => {
    const { NO_COLOR, FORCE_COLOR, CI, ...env } = withoutOurs(process.env);
    return execFileSync(script.path, ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: { ...env, TERM: 'xterm-256color', ...environment },
      encoding: 'utf8',
    });
  };
  const decode = `'${process.execPath}' '${MAIN}' decode`;
  const [one, two] = [fixture(DUMP), fixture(NO_HWERR)];

  it('shows the verdict in colour', () => {
    expect(typed(`${decode} ${one}`)).toMatch(/^\x1b\[31mPCI error 9 s/); // eslint-disable-line no-control-regex -- what is tested
  });

  it.each([
    ['NO_COLOR is set', `${decode} ${one}`, { NO_COLOR: '1' }],
    ['the answer goes elsewhere', `${decode} ${one} | cat`, {}],
  ])('shows none when %s', (_when, command, environment) => {
    expect(typed(command, environment)).toMatch(/^PCI error 9 s/);
  });

  it('shows on standard error which of several files it reads, and takes that away', () => {
    const shown = typed(`${decode} ${one} ${two} >/dev/null`);
    expect(shown).toContain(`1 of 2: `);
    expect(shown).toContain(`2 of 2: `);
    expect(shown.endsWith('\r\x1b[K')).toBe(true);
    expect(typed(`${decode} ${one} >/dev/null`)).toBe('');
    expect(typed(`${decode} ${one} ${two} 2>&1 >/dev/null | cat`)).toBe('');
  });
});
