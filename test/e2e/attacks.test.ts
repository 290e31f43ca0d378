/** Clients without manners, against the exporter and against node_exporter by the same script. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { type Socket, connect } from 'node:net';
import { join } from 'node:path';

import { expect, onTestFinished } from 'vitest';

import { openssl, selfSigned } from '../support/daemon/certificates.ts';
import { exitOf } from '../support/daemon/program.ts';
import { pause, startDaemon } from '../support/daemon/running-daemon.ts';
import { eventually } from '../support/system/eventually.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

const nodeExporter = needsTool('prometheus-node-exporter');

const REQUESTS = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4);
const SCRAPES = 12;
/** What either waits for depends on what else the machine does: one round in which it did little is enough. */
const ROUNDS = 5;
const MAX_WORST_MS = 2000;
const MAX_PEAK_MIB = 150;

interface Attack {
  readonly clients: number;
  /** Over TLS: whether scrapes are; those who attack never get as far. */
  readonly tls: boolean;
  /** Called with every new connection. */
  readonly misbehave: (socket: Socket) => void;
}

interface Outcome {
  readonly worstMs: number;
  /** Of every request. */
  readonly statuses: ReadonlySet<number>;
}

/** Scrapes while clients misbehave; whoever is disconnected comes again. */
async function underAttack(port: number, attack: Attack): Promise<Outcome> {
  const sockets = new Set<Socket>();
  let isOver = false;
  const open = (): void => {
    if (isOver) return;
    const socket = connect(port, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      setImmediate(open);
    });
    attack.misbehave(socket);
  };
  for (let i = 0; i < attack.clients; i++) open();
  const statuses = new Set<number>();
  let worstMs = 0;
  for (let i = 0; i < SCRAPES; i++) {
    const start = performance.now();
    statuses.add(await statusOf(port, attack.tls, '/'));
    statuses.add(await statusOf(port, attack.tls, '/metrics'));
    worstMs = Math.max(worstMs, performance.now() - start);
    await pause(100);
  }
  isOver = true;
  for (const socket of sockets) socket.destroy();
  return { worstMs, statuses };
}

function statusOf(port: number, tls: boolean, path: string): Promise<number> {
  const where = { host: '127.0.0.1', port, path, agent: false };
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      response.resume();
      response.once('end', () => {
        resolve(response.statusCode ?? 0);
      });
    };
    const request = tls
      ? https.get({ ...where, rejectUnauthorized: false }, answered)
      : http.get(where, answered);
    request.on('error', reject);
  });
}

/** Says this, and no more for a while. */
function says(text: string): (socket: Socket) => void {
  return (socket) => {
    socket.resume();
    socket.write(text);
    setTimeout(() => socket.destroy(), 100);
  };
}

function neverReads(socket: Socket): void {
  socket.pause();
  const timer = setInterval(() => {
    if (socket.writableLength === 0) socket.write(REQUESTS);
  }, 20);
  socket.on('close', () => {
    clearInterval(timer);
  });
}

const ATTACKS: Readonly<Record<string, Attack>> = {
  '100 clients that pipeline requests and never read': {
    ...{ clients: 100, tls: false, misbehave: neverReads },
  },
  '600 silent connections that are opened again and again': {
    ...{ clients: 600, tls: false, misbehave: says('') },
  },
  '600 silent connections where TLS is spoken': {
    ...{ clients: 600, tls: true, misbehave: says('') },
  },
};

nodeExporter.describe('under attack, no worse than node_exporter', () => {
  for (const [what, attack] of Object.entries(ATTACKS)) {
    const { it } = attack.tls ? openssl : nodeExporter;
    it(`${what}: every scrape is answered`, async () => {
      const webConfig = attack.tls ? [`--web.config.file=${tlsConfig()}`] : [];
      const daemon = await startDaemon(webConfig);
      const port = await startNodeExporter(webConfig);
      const rounds: string[] = [];
      for (let isNoWorse = false; !isNoWorse;) {
        const theirs = await underAttack(port, attack);
        const ours = await underAttack(daemon.port, attack);
        expect(ours.statuses).toEqual(new Set([200]));
        rounds.push(`${ours.worstMs.toFixed(0)} ms, node_exporter ${theirs.worstMs.toFixed(0)}`);
        isNoWorse = ours.worstMs < Math.max(MAX_WORST_MS, 2 * theirs.worstMs);
        if (!isNoWorse && rounds.length === ROUNDS) expect.fail(`worst: ${rounds.join('; ')}`);
      }
      const status = readFileSync(`/proc/${daemon.child.pid}/status`, 'utf8');
      const peakMiB = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
      console.log(`${what}: worst ${rounds.join('; ')}; peak ${peakMiB.toFixed(0)} MiB`);
      expect(peakMiB).toBeLessThan(MAX_PEAK_MIB);
    }, 300_000);
  }
});

/** @returns a web configuration with TLS. */
function tlsConfig(): string {
  const folder = tempDir();
  selfSigned(folder, 'server');
  const file = join(folder, 'web.yml');
  writeFileSync(file, 'tls_server_config: { cert_file: server.crt, key_file: server.key }\n');
  return file;
}

/** @returns its port. */
async function startNodeExporter(flags: readonly string[]): Promise<number> {
  const child = spawn(
    nodeExporter.path,
    ['--web.listen-address=127.0.0.1:0', '--collector.disable-defaults', ...flags],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  onTestFinished(async () => {
    child.kill();
    await exitOf(child);
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (log += piece));
  return eventually('node_exporter listens', () => {
    const port = /listening on.*address=\S*:(\d+)/i.exec(log);
    return Promise.resolve(port === null ? undefined : Number(port[1]));
  });
}
