/** The built exporter as a process: signals, several addresses, passed sockets, hostile dumps. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { hashSync } from 'bcryptjs';
import { describe, expect, it, onTestFinished } from 'vitest';

import { exitOf } from '../support/daemon/program.ts';
import { eventually } from '../support/system/eventually.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { pause, startDaemon } from '../support/daemon/running-daemon.ts';
import { sampleDump, withNodename } from '../support/dumps/small-dump.ts';
import { needsTool } from '../support/system/tools.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const ELF = sampleDump('x86_64-7.3.4.elf');
const promtool = needsTool('promtool');
const systemd = needsTool('systemd-socket-activate');

function emptyFolder(): string {
  const folder = join(tempDir(), 'crash');
  mkdirSync(folder);
  return folder;
}

/** What is said of crashes, and of what becomes of the next panic. */
const OF_HOSTS =
  /^hwerr_((recoverable|logged)_errors|(suspect_|recent_)?crashes|recent_suspect|last_(error|(recorded_|suspect_)?crash)|kexec)/;

describe('the daemon', () => {
  it('listens on several addresses, IPv6 among them', async () => {
    const daemon = await startDaemon([
      `--kdump.path=${emptyFolder()}`,
      '--web.listen-address=127.0.0.1:0',
      '--web.listen-address=[::1]:0',
    ]);
    await daemon.logged(/listening port=\d+[^]*listening port=\d+/);
    const ports = [...daemon.log().matchAll(/listening port=(\d+)/g)].map(([, port]) => port);
    expect((await fetch(`http://127.0.0.1:${ports[0]}/-/healthy`)).status).toBe(200);
    expect((await fetch(`http://[::1]:${ports[1]}/-/healthy`)).status).toBe(200);
    expect(await daemon.stop()).toBe(0);
  });

  it('shows in central mode nothing of itself that is of hosts', async () => {
    const families = async (mode: string): Promise<string[]> => {
      const daemon = await startDaemon([`--kdump.path=${emptyFolder()}`, `--mode=${mode}`]);
      const body = await (await fetch(`http://127.0.0.1:${daemon.port}/metrics`)).text();
      expect(await daemon.stop()).toBe(0);
      return [...body.matchAll(/^# TYPE (hwerr_\S+)/gm)].map(([, name]) => name!);
    };
    const [node, central] = [await families('node'), await families('central')];
    const ofHosts = node.filter((name) => OF_HOSTS.test(name));
    expect(ofHosts.length).toBeGreaterThan(20);
    expect(central).toContain('hwerr_dumps_decoded_total');
    expect(node.filter((name) => !central.includes(name))).toEqual(ofHosts);
    expect(central.filter((name) => !node.includes(name))).toEqual([]);
  });

  it('says of kdump what the kernel says', async () => {
    const file = '/sys/kernel/kexec_crash_loaded';
    const said = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
    const daemon = await startDaemon([`--kdump.path=${emptyFolder()}`]);
    const body = await (await fetch(`http://127.0.0.1:${daemon.port}/metrics`)).text();
    expect(/^hwerr_kexec_crash_loaded (.*)$/m.exec(body)?.[1]).toBe(said);
    expect(await daemon.stop()).toBe(0);
  });

  it('reads its web configuration at SIGHUP', async () => {
    const file = join(tempDir(), 'web.yml');
    writeFileSync(file, '');
    const daemon = await startDaemon([
      `--kdump.path=${emptyFolder()}`,
      `--web.config.file=${file}`,
    ]);
    writeFileSync(file, 'http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n');
    daemon.child.kill('SIGHUP');
    await daemon.logged(/web configuration read/);
    const { headers } = await fetch(`http://127.0.0.1:${daemon.port}/`);
    expect(headers.get('x-frame-options')).toBe('sameorigin');
    expect(await daemon.stop()).toBe(0);
  });

  it('ends the answer on its way at SIGTERM, and takes no new request', async () => {
    const file = join(tempDir(), 'web.yml');
    writeFileSync(file, `basic_auth_users:\n  alice: ${hashSync('secret', 10)}\n`);
    const daemon = await startDaemon([
      `--kdump.path=${emptyFolder()}`,
      `--web.config.file=${file}`,
    ]);
    // The password takes a while to check, from when the daemon says to continue: SIGTERM comes then.
    const asked = request({
      ...{ host: '127.0.0.1', port: daemon.port, path: '/metrics', auth: 'alice:secret' },
      headers: { expect: '100-continue' },
    }).end();
    const answer = once(asked, 'response') as Promise<[IncomingMessage]>;
    await once(asked, 'continue');
    const exited = once(daemon.child, 'exit');
    daemon.child.kill('SIGTERM');
    const [response] = await answer;
    expect(response.statusCode).toBe(200);
    expect(await text(response)).toContain('hwerr_exporter_build_info{');
    const [code] = (await exited) as [number];
    expect(code).toBe(0);
    await daemon.logged(/msg=stopping signal=SIGTERM\n/);
    await expect(fetch(`http://127.0.0.1:${daemon.port}/`)).rejects.toThrow();
  });

  systemd.it('serves on a socket that systemd passes', async () => {
    const socket = join(tempDir(), 'exporter.sock');
    const child = spawn(
      systemd.path,
      [
        `--listen=${socket}`,
        process.execPath,
        MAIN,
        '--web.systemd-socket',
        `--kdump.path=${emptyFolder()}`,
        `--ledger.path=${emptyFolder()}`,
      ],
      { stdio: 'ignore' },
    );
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await exitOf(child);
    });
    const status = (): Promise<number | undefined> =>
      new Promise((resolve) => {
        request({ socketPath: socket, path: '/-/healthy' }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', () => {
            resolve(undefined);
          })
          .end();
      });
    await eventually('it answers', async () => (await status()) === 200 || undefined);
    child.kill('SIGTERM');
    expect(await exitOf(child)).toBe(0);
  });

  it('does not start on a socket that nobody passed', () => {
    const args = [MAIN, '--web.systemd-socket', `--ledger.path=${emptyFolder()}`];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('systemd passed no socket');
  });
});

describe.skipIf(ELF === undefined)('a dump with hostile names [needs sample dumps]', () => {
  const NAMES = {
    HTML: '<script>alert(1)</script>"\'&',
    'quotes and newlines': 'a"b\\c\nhwerr_crashes_total 666\n#',
    'ANSI escapes': '\x1b[31mred\x1b[0m\x07\x9b2J',
    'invalid UTF-8': 'x\xff\xfe\xc0\x80\xed\xa0\x80y',
  };
  for (const [what, nodename] of Object.entries(NAMES)) {
    it(`${what} does no harm in page, JSON, metrics or logs`, async () => {
      const folder = emptyFolder();
      const inside = join(folder, '<b>"\n\x1b[31m\'');
      mkdirSync(inside);
      writeFileSync(join(inside, 'vmcore'), withNodename(ELF!, nodename));
      for (const mode of ['node', 'central']) {
        const daemon = await startDaemon([
          `--kdump.path=${folder}`,
          '--kdump.settle=100ms',
          `--mode=${mode}`,
        ]);
        const url = `http://127.0.0.1:${daemon.port}`;
        const { crashes } = await eventually('the crash is recorded', async () => {
          const answer = (await (await fetch(`${url}/api/v1/crashes`)).json()) as {
            crashes: { host: string; hwerr: { categories: { count: number }[] } }[];
          };
          return answer.crashes.length > 0 ? answer : undefined;
        });
        const page = await (await fetch(url)).text();
        expect(page).not.toMatch(/<script|<b>|alert\(1\)<\/script/);
        // eslint-disable-next-line no-control-regex -- what must not be there
        expect(page).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
        expect(crashes[0]!.hwerr.categories.map(({ count }) => count)).toEqual([0, 0, 7, 0, 10]);
        const path =
          mode === 'node' ? '/metrics' : `/probe?target=${encodeURIComponent(crashes[0]!.host)}`;
        // That the first pass over the directory is recorded is known a moment later than its crash.
        const metrics = await eventually('the crash is counted', async () => {
          const body = await (await fetch(url + path)).text();
          return body.includes('\nhwerr_crashes_total 1\n') ? body : undefined;
        });
        expect(metrics).not.toContain('crashes_total 666');
        if (!promtool.missing) {
          expect(spawnSync(promtool.path, ['check', 'metrics'], { input: metrics }).status).toBe(0);
        }
        await pause(0);
        expect(daemon.log().replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
        expect(
          daemon
            .log()
            .trimEnd()
            .split('\n')
            .every((line) => line.startsWith('ts=')),
        ).toBe(true);
        expect(await daemon.stop()).toBe(0);
      }
    });
  }
});
