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
const SCRAPES = 8;
/** Prometheus gives up by default then. */
const SCRAPE_TIMEOUT_MS = 10_000;
/** How long either takes depends on what else the machine does: one round in which it did little is enough. */
const ROUNDS = 5;
const MAX_PEAK_MIB = 150;

interface Attack {
  readonly clients: number;
  /** Over TLS: whether scrapes are; those who attack never get as far. */
  readonly tls: boolean;
  /** Called with every new connection. */
  readonly misbehave: (socket: Socket) => void;
}

interface Outcome {
  /** How long each scrape took, shortest first. */
  readonly tookMs: readonly number[];
  /** Statuses other than 200, and errors. */
  readonly refused: readonly string[];
  /** Requests without any answer in time. */
  readonly late: number;
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
  const tookMs: number[] = [];
  const refused: string[] = [];
  let late = 0;
  for (let i = 0; i < SCRAPES; i++) {
    const start = performance.now();
    for (const path of ['/', '/metrics']) {
      const answer = await answerTo(port, attack.tls, path);
      if (answer === 'timeout') late++;
      else if (answer !== '200') refused.push(answer);
    }
    tookMs.push(performance.now() - start);
    await pause(100);
  }
  isOver = true;
  for (const socket of sockets) socket.destroy();
  return { tookMs: tookMs.sort((a, b) => a - b), refused, late };
}

/** @returns the status, `timeout`, or the error. */
function answerTo(port: number, tls: boolean, path: string): Promise<string> {
  const signal = AbortSignal.timeout(SCRAPE_TIMEOUT_MS);
  const where = { host: '127.0.0.1', port, path, agent: false, signal };
  return new Promise((resolve) => {
    const failed = (error: Error): void => {
      resolve(signal.aborted ? 'timeout' : error.message);
    };
    const answered = (response: IncomingMessage): void => {
      response.on('error', failed).resume();
      response.once('end', () => {
        resolve(String(response.statusCode));
      });
    };
    const request = tls
      ? https.get({ ...where, rejectUnauthorized: false }, answered)
      : http.get(where, answered);
    request.on('error', failed);
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

/** The first bytes of a record with a ClientHello, of which the rest is to come. */
const HALF_A_HELLO = '\x16\x03\x01\x02\x00\x01\x00';

const ATTACKS: Readonly<Record<string, Attack>> = {
  '100 clients that pipeline requests and never read': {
    ...{ clients: 100, tls: false, misbehave: neverReads },
  },
  '600 silent connections that are opened again and again': {
    ...{ clients: 600, tls: false, misbehave: says('') },
  },
  '600 connections with half a request': {
    ...{ clients: 600, tls: false, misbehave: says('GET /metrics HTTP/1.1\r\nHost: x\r\nX') },
  },
  '600 silent connections where TLS is spoken': {
    ...{ clients: 600, tls: true, misbehave: says('') },
  },
  '600 connections with half a TLS handshake': {
    ...{ clients: 600, tls: true, misbehave: says(HALF_A_HELLO) },
  },
};

nodeExporter.describe('under attack, as many scrapes are answered as by node_exporter', () => {
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
        expect(ours.refused).toEqual([]);
        rounds.push(`${summary(ours)}; node_exporter ${summary(theirs)}`);
        isNoWorse = ours.late <= theirs.late;
        if (!isNoWorse && rounds.length === ROUNDS) expect.fail(rounds.join('\n'));
      }
      const status = readFileSync(`/proc/${daemon.child.pid}/status`, 'utf8');
      const peakMiB = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
      console.log(`${what}: ${rounds.join('\n')}; peak ${peakMiB.toFixed(0)} MiB`);
      expect(peakMiB).toBeLessThan(MAX_PEAK_MIB);
    });
  }
});

function summary({ tookMs, refused, late }: Outcome): string {
  const [median, worst] = [tookMs[Math.floor(tookMs.length / 2)], tookMs.at(-1)];
  return `median ${median?.toFixed(0)} ms, worst ${worst?.toFixed(0)}, refused ${refused.length}, late ${late}`;
}

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
