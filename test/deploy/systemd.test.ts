import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { FLAGS, environmentName } from '../../src/config.ts';
import { eventually } from '../support/system/eventually.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { MAIN } from '../support/daemon/program.ts';
import { freePort } from '../support/system/free-port.ts';
import { needsTool } from '../support/system/tools.ts';
import { codeBlocks } from './markdown.ts';
import { KNOWN_VARIABLES } from './names.ts';
import { Cleanup, ROOT, start } from './processes.ts';
import { PCI_CRASH } from './samples.ts';

const FOLDER = join(ROOT, 'deploy/systemd');
const units = readdirSync(FOLDER).filter((name) => /\.(service|socket|timer)$/.test(name));
const services = units.filter((name) => name.endsWith('.service'));
/** What the pages say to put into `systemctl edit hwerr-exporter`. */
const dropIns = ['install.md', 'security.md'].flatMap((page) =>
  codeBlocks(readFileSync(join(ROOT, 'deploy/docs', page), 'utf8'), 'ini'),
);
const analyze = needsTool('systemd-analyze');
const activate = needsTool('systemd-socket-activate');
const setpriv = needsTool('setpriv');
const unshare = needsTool('unshare');
const strace = needsTool('strace');
const NOBODY = 65534;
const DECODED = '\nhwerr_recoverable_errors_total{category="pci"} 7\n';
const DENIED = '\nhwerr_dump_decode_failures_total{reason="permission"} 1\n';
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

analyze.describe('systemd-analyze', () => {
  it.each(units)('has nothing to say about %s', (unit) => {
    expect(verify(unit, (text) => text)).toBe('');
  });

  it('would have: an unknown setting and a missing program are found', () => {
    const broken = (text: string): string =>
      text.replace('NoNewPrivileges', 'NoNewPrivilege').replace('bin/hwerr', 'bin/no-hwerr');
    const said = verify('hwerr-exporter.service', broken);
    expect(said).toContain("NoNewPrivilege' in section [Service]");
    expect(said).toContain('no-hwerr-exporter is not executable');
  });

  it.each(dropIns)('has nothing to say about the drop-in %s of the pages', (dropIn) => {
    expect(verify('hwerr-exporter.service', (text) => `${text}\n${dropIn}`)).toBe('');
  });

  it.each(services)('finds the exposure of %s at most 1.5', (unit) => {
    expect(exposure(join(FOLDER, unit))).toBeLessThanOrEqual(1.5);
  });

  it('finds that of the live view as its page has it', () => {
    const page = readFileSync(join(ROOT, 'deploy/docs/install.md'), 'utf8');
    const [dropIn] = codeBlocks(page, 'ini');
    const unit = join(cleanup.folder(), 'live.service');
    writeFileSync(
      unit,
      `${readFileSync(join(FOLDER, 'hwerr-exporter.service'), 'utf8')}\n${dropIn}`,
    );
    expect(page).toContain(`then says ${exposure(unit)}.`);
  });
});

/** Of a unit, by systemd: of 10. */
function exposure(unit: string): number {
  const args = ['security', '--offline=true', unit];
  const { stdout } = spawnSync(analyze.path, args, { encoding: 'utf8' });
  return Number(/Overall exposure level for .*: ([\d.]+)/.exec(stdout)?.[1]);
}

/** What systemd says about a unit, installed with the others and the exporter in a root of its own. */
function verify(unit: string, edit: (text: string) => string): string {
  const root = cleanup.folder();
  const installed = join(root, 'etc/systemd/system');
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
  cpSync('/lib/systemd/system', join(root, 'lib/systemd/system'), { recursive: true });
  mkdirSync(join(root, 'bin'));
  for (const program of ['bin/kill', 'usr/local/bin/hwerr-exporter']) {
    writeFileSync(join(root, program), '', { mode: 0o755 });
  }
  mkdirSync(installed, { recursive: true });
  for (const name of units) {
    const text = readFileSync(join(FOLDER, name), 'utf8');
    writeFileSync(join(installed, name), name === unit ? edit(text) : text);
  }
  return spawnSync(analyze.path, ['verify', `--root=${root}`, unit], { encoding: 'utf8' }).stderr;
}

it('the environment file has every setting once with its default, and no other', () => {
  const text = readFileSync(join(FOLDER, 'hwerr-exporter.env'), 'utf8');
  const names = [...text.matchAll(/^#?(HWERR_\w+)=/gm)].map(([, name]) => name);
  expect(names.sort()).toEqual([...KNOWN_VARIABLES].sort());
  for (const flag of Object.values(FLAGS)) {
    const { placeholder, defaultText = placeholder === undefined ? 'false' : '' } = flag;
    // The host name of whatever machine it is.
    const shown = flag === FLAGS.nodeName ? '' : defaultText;
    expect(text).toContain(`\n# ${flag.help}\n`);
    expect(text).toContain(`\n#${environmentName(flag)}=${shown}\n`);
  }
});

describe('as the unit runs it', () => {
  setpriv.it('reads a dump of root alone, as a user with CAP_DAC_READ_SEARCH', () =>
    daemonOn(dumpOfRoot(), DECODED, NOBODY, ...privileges(NOBODY, '+dac_read_search')),
  );

  setpriv.it('says permission, as a user without it', () =>
    daemonOn(dumpOfRoot(), DENIED, NOBODY, ...privileges(NOBODY, '-all')),
  );

  setpriv.it('reads it as root without any capability too, as the DaemonSets run it', () =>
    daemonOn(dumpOfRoot(), DECODED, 0, ...privileges(0, '-all')),
  );

  analyze.describe('its system calls', () => {
    strace.it('are all let through by the filter', async () => {
      const folder = cleanup.folder();
      chownSync(folder, NOBODY, NOBODY);
      const log = join(folder, 'strace');
      const traced = [strace.path, '-D', '-f', '-qq', '-o', log];
      const asTheUser = privileges(NOBODY, '+dac_read_search');
      await daemonOn(dumpOfRoot(), DECODED, NOBODY, ...asTheUser, ...traced);
      const calls = readFileSync(log, 'utf8');
      const used = calls.matchAll(/^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)/gm);
      const names = new Set([...used].map(([, name = '']) => name));
      const unit = readFileSync(join(FOLDER, 'hwerr-exporter.service'), 'utf8');
      const allowed = allowedBy(unit);
      expect(names).toContain('epoll_create1');
      expect([...names].filter((name) => !allowed.has(name))).toEqual([]);
      const [, families = ''] = /^RestrictAddressFamilies=(.*)$/m.exec(unit) ?? [];
      const sockets = [...calls.matchAll(/\bsocket\((AF_\w+)/g)].map(([, name = '']) => name);
      expect(sockets).toContain('AF_INET');
      expect(sockets.filter((family) => !families.split(' ').includes(family))).toEqual([]);
    });
  });
});

activate.describe('on the socket that systemd holds', () => {
  strace.describe('its system calls', () => {
    unshare.it('make no socket of a network, and it answers without having one', async () => {
      const address = `127.0.0.1:${await freePort()}`;
      const log = join(cleanup.folder(), 'strace');
      const traced = [strace.path, '-D', '-f', '-qq', '-e', 'trace=socket,execve', '-o', log];
      const daemon = [process.execPath, MAIN, `--kdump.path=${cleanup.folder()}`];
      const readyUrl = `http://${address}/-/ready`;
      const args = ['-l', address, ...traced, unshare.path, '--net', ...daemon];
      const env = { HWERR_WEB_SYSTEMD_SOCKET: 'true', HWERR_LEDGER_PATH: cleanup.folder() };
      const names = Object.keys(env).flatMap((name) => ['-E', name]);
      await start({ command: activate.path, args: [...names, ...args], env, readyUrl }, cleanup);
      const calls = readFileSync(log, 'utf8');
      const sockets = [...calls.matchAll(/\bsocket\((\w+)/g)].map(([, family]) => family);
      expect(new Set(sockets)).toEqual(new Set(['AF_UNIX'])); // the lock of the ledger
    });
  });
});

/** A command that runs another as that user, with that capability or none. */
function privileges(id: number, capability: string): readonly [string, ...string[]] {
  const one = capability === '-all' ? '-all' : `-all,${capability}`;
  const caps = [`--inh-caps=${one}`, `--ambient-caps=${one}`, `--bounding-set=${one}`];
  const user = [`--reuid=${id}`, `--regid=${id}`, '--clear-groups', '--no-new-privs'];
  return [setpriv.path, ...user, ...caps];
}

/** A dump directory whose one dump has mode 0600. */
function dumpOfRoot(): string {
  const directory = cleanup.folder();
  chmodSync(directory, 0o755);
  copyFileSync(fixture(PCI_CRASH), join(directory, 'vmcore'));
  chmodSync(join(directory, 'vmcore'), 0o600);
  return directory;
}

/** Runs the daemon by another program, with a ledger of that user alone, until /metrics says so. */
async function daemonOn(
  directory: string,
  said: string,
  owner: number,
  command: string,
  ...before: readonly string[]
): Promise<void> {
  const own = new Cleanup();
  const ledger = mkdtempSync(join(tmpdir(), 'hwerr-ledger-')); // mode 0700
  chownSync(ledger, owner, owner);
  own.add(() => {
    rmSync(ledger, { recursive: true });
  });
  const url = `localhost:${await freePort()}`; // a name, whose addresses it has to look up
  const flags = [`--kdump.path=${directory}`, '--kdump.settle=100ms', '--kdump.rescan=1s'];
  const args = [...before, process.execPath, MAIN, ...flags, `--web.listen-address=${url}`];
  const env = { HWERR_LEDGER_PATH: ledger };
  try {
    await start({ command, args, env, readyUrl: `http://${url}/-/ready` }, own);
    await eventually(
      `${url} says ${said}`,
      async () => (await (await fetch(`http://${url}/metrics`)).text()).includes(said) || undefined,
    );
  } finally {
    await own.run();
  }
}

/** The system calls that the filter of a unit lets through: its lines in order, the last word counts. */
function allowedBy(unit: string): Set<string> {
  const allowed = new Set<string>();
  for (const [, not, names = ''] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm)) {
    for (const name of names.split(' ')) {
      for (const call of name.startsWith('@') ? callsIn(name) : [name]) {
        if (not === '~') allowed.delete(call);
        else allowed.add(call);
      }
    }
  }
  return allowed;
}

/** The system calls of a set of systemd's, with those of the sets in it. */
function callsIn(set: string): Set<string> {
  const args = ['--no-pager', 'syscall-filter', set];
  const lines = execFileSync(analyze.path, args, { encoding: 'utf8' }).split('\n').slice(1);
  const names = lines.map((line) => line.trim()).filter((line) => /^@?[\w-]+$/.test(line));
  return new Set(names.flatMap((name) => (name.startsWith('@') ? [...callsIn(name)] : [name])));
}
