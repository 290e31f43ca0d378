/** The exporter and node_exporter as processes, watched from outside. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PROGRAM, programWith } from './measure.mjs';

const DEADLINE_MS = 1_800_000;
const TICKS_PER_SECOND = 100;

/** @returns what `probe` gives once that is neither undefined nor false. */
export async function until(what, probe, everyMs = 20) {
  const end = performance.now() + DEADLINE_MS;
  while (performance.now() < end) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    await sleep(everyMs);
  }
  throw new Error(`waited in vain until ${what}`);
}

/** One request; a connection is kept where the agent keeps it. */
export function fetched(url, agent) {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece) => (body += piece));
      response.on('end', () => {
        resolve({ status: response.statusCode, body });
      });
    }).on('error', reject);
  });
}

const INSIDE = new URL('./inside.mjs', import.meta.url).href;

/**
 * The exporter over `directory`, ready.
 *
 * @param watched whether it can be asked about its inside.
 * @returns how long that took, and what to do with it.
 */
export async function startExporter(directory, flags = [], watched = false) {
  const started = performance.now();
  const [command, ...first] = watched ? programWith(['--expose-gc', '--import', INSIDE]) : PROGRAM;
  const address = '--web.listen-address=127.0.0.1:0';
  const child = spawn(command, [...first, '--kdump.path', directory, address, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe', ...(watched ? ['ipc'] : [])],
  });
  let log = '';
  let port;
  child.stderr.setEncoding('utf8').on('data', (piece) => {
    if (port === undefined) log += piece;
    port ??= /msg=listening port=(\d+)/.exec(log)?.[1];
  });
  await until(
    'it listens',
    () => {
      if (child.exitCode !== null) throw new Error(`the exporter ended:\n${log}`);
      return port;
    },
    5,
  );
  const url = `http://127.0.0.1:${port}`;
  const agent = new Agent({ keepAlive: true });
  await until('it is ready', async () => (await fetched(`${url}/-/ready`)).status === 200, 5);
  const metrics = async () => (await fetched(`${url}/metrics`, agent)).body;
  return {
    readyMs: performance.now() - started,
    url,
    pid: child.pid,
    metrics,
    value: async (series) => valueIn(await metrics(), series),
    /** Delay of its event loop since the last call, ms; bytes that its main thread refers to. */
    async inside() {
      child.send('tell');
      const [told] = await once(child, 'message');
      return told;
    },
    async stop(signal = 'SIGTERM') {
      agent.destroy();
      child.kill(signal);
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

/** node_exporter with its defaults; undefined where Debian's is not installed. */
export async function startNodeExporter() {
  const port = 19_100;
  const child = spawn('prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${port}`], {
    stdio: 'ignore',
  });
  let missing = false;
  child.on('error', () => (missing = true));
  const url = `http://127.0.0.1:${port}`;
  await until('node_exporter listens', async () => {
    if (missing) return true;
    return fetched(`${url}/`).then(
      () => true,
      () => false,
    );
  });
  if (missing) return undefined;
  return {
    url,
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

export function valueIn(exposition, series) {
  const line = exposition.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

/** Resident memory of a process, MiB. */
export function rssMib(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)[1]) / 1024;
}

/** CPU seconds that a process has used. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** How often threads of a process have waited for something; of those that are there. */
export function waits(pid) {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return sum + Number(/^voluntary_ctxt_switches:\s*(\d+)$/m.exec(status)[1]);
  }, 0);
}

const FIXTURE = readFileSync(
  fileURLToPath(new URL('../fixtures/x86_64-7.3.4.raw', import.meta.url)),
);
const HOST = 'labhost';
/** struct new_utsname has 65 bytes a member; the nodename is the second. */
const UTS_FIELD = 65;
const UTSNAME_AT = FIXTURE.indexOf('Linux\0', FIXTURE.indexOf('Linux\0') + 8192);
const BOOT_ID_AT = FIXTURE.indexOf(Buffer.from('04bb2f2f62b44486876dd8be7859e9db', 'hex'));

/** The fixture as the dump of another crash, put in its place at once. */
export function dropCrash(directory, number, host = HOST) {
  const dump = Buffer.from(FIXTURE);
  dump.fill(0, UTSNAME_AT + UTS_FIELD, UTSNAME_AT + 2 * UTS_FIELD);
  dump.write(host, UTSNAME_AT + UTS_FIELD, 'latin1');
  dump.writeUInt32LE(number + 1, BOOT_ID_AT);
  const folder = join(directory, `crash-${number}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'vmcore-incomplete'), dump);
  renameSync(join(folder, 'vmcore-incomplete'), join(folder, 'vmcore'));
  return folder;
}
