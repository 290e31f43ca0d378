/**
 * Coverage-guided fuzzing of the decoder: `npm run fuzz -- [--seconds N] [--target NAME]
 * [--seed N] [--keep]`. Each target gets its share of the time. A finding is written to
 * corpus/TARGET/finding-*, where corpus.test.ts repeats it for ever, and makes the exit code 1.
 * With --keep, inputs that reached something new join the corpus.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { instrumented } from './instrument.mjs';
import { MAX_BYTES } from './mutate.mjs';

const CORPUS = fileURLToPath(new URL('corpus', import.meta.url));
/** By target its share of the time: the whole decoder gets most of it. */
const SHARES = {
  ...{
    dump: 4,
    counts: 3,
    'dump-btf': 2,
    split: 2,
    kallsyms: 2,
    printk: 1,
    log: 1,
    btf: 1,
    flattened: 1,
    notes: 1,
  },
  ...{ lzo: 1, 'lzo-stream': 1, zlib: 0.5, snappy: 0.5, zstd: 0.5, vmlinux: 0.5 },
  'system-map': 0.5,
};
/** Of a processor; no input may take more: the largest is a quarter of a MiB. */
const SLOW_MS = 2000;
const HANGS_MS = 20_000;
const LOOK_MS = 1000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    target: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    keep: { type: 'boolean', default: false },
  },
});
const names = values.target === undefined ? Object.keys(SHARES) : [values.target];
const total = names.reduce((sum, name) => sum + SHARES[name], 0);
const copy = instrumented();
let executions = 0;
let findings = 0;
console.log(`seed ${values.seed}, ${copy.counters} counters, ${values.seconds} s`);
for (const target of names) {
  const seconds = (Number(values.seconds) * SHARES[target]) / total;
  const result = await fuzz(target, seconds);
  executions += result.executions;
  findings += result.findings;
  const { corpus = 0, covered = 0 } = result;
  const figures = `${result.executions} executions, ${covered} counters, corpus ${corpus}`;
  console.log(`${target}: ${figures}, ${result.findings} findings in ${Math.round(seconds)} s`);
}
console.log(`${executions} executions, ${findings} findings`);
process.exitCode = findings > 0 ? 1 : 0;

/** Runs one target in a thread of its own; a thread that hangs or dies is a finding too. */
function fuzz(target, seconds) {
  const folder = join(CORPUS, target);
  mkdirSync(folder, { recursive: true });
  const inputs = readdirSync(folder)
    .sort()
    .map((name) => new Uint8Array(readFileSync(join(folder, name))));
  if (inputs.length === 0) inputs.push(new Uint8Array(64));
  const shared = new SharedArrayBuffer(8 + MAX_BYTES * 2);
  const workerData = {
    target,
    seconds,
    shared,
    inputs,
    slowMs: SLOW_MS,
    seed: Number(values.seed),
    ...copy,
  };
  const worker = new Worker(new URL('worker.mjs', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  });
  const [length, current] = [new Int32Array(shared, 0, 2), new Uint8Array(shared, 8)];
  let count = 0;
  const finding = (data, text) => {
    count++;
    const name = `finding-${createHash('sha256').update(data).digest('hex').slice(0, 12)}`;
    if (!existsSync(join(folder, name))) writeFileSync(join(folder, name), data);
    console.log(`FINDING ${target}/${name}: ${text}`);
  };
  const inHand = () => Uint8Array.from(current.subarray(0, length[0]));
  return new Promise((resolve) => {
    let last = { executions: -1, cpuMs: 0 };
    const watchdog = setInterval(() => {
      const { user, system } = process.cpuUsage(); // what does not run takes no part of it
      const cpuMs = (user + system) / 1000;
      if (length[1] !== last.executions) last = { executions: length[1], cpuMs };
      else if (cpuMs - last.cpuMs > HANGS_MS) {
        finding(inHand(), `hangs for more than ${HANGS_MS} ms`);
        void worker.terminate();
      }
    }, LOOK_MS);
    const end = (result) => {
      clearInterval(watchdog);
      resolve({ executions: length[1] + 1, ...result, findings: count });
    };
    worker.on('message', (message) => {
      if (message.kind === 'finding') finding(message.data, message.text);
      else {
        if (values.keep) for (const data of message.kept) keep(folder, data);
        end(message);
      }
    });
    worker.on('error', (error) => {
      finding(inHand(), `the thread died: ${error.message}`);
    });
    worker.on('exit', () => {
      end({});
    });
  });
}

function keep(folder, data) {
  const name = createHash('sha256').update(data).digest('hex').slice(0, 12);
  writeFileSync(join(folder, name), data);
}
