/**
 * Fuzzes one target until it is told to stop: an input that reaches a new branch, or a known one more
 * often than before, is kept and changed further. The input at hand lies in shared memory, so that
 * the parent has it when this thread hangs or dies.
 */
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { MAX_BYTES, mutate, random } from './mutate.mjs';
import { targets } from './targets.mjs';

/** Executions between two turns of the event loop. */
const TURN = 4096;

const { target, seed, seconds, folder, counters, inputs, shared, slowMs } = workerData;
const hits = new Uint32Array(counters);
let pairs = [];
let noting = false;
const note = (a, b) => {
  if (pairs.length < 256 && isWhole(a) && isWhole(b)) pairs.push([BigInt(a), BigInt(b)]);
};
const isWhole = (value) =>
  typeof value === 'bigint' || (Number.isSafeInteger(value) && Math.abs(value) > 1);
globalThis.__fuzz = {
  hits,
  eq: (a, b) => (noting && a !== b && note(a, b), a === b),
  ne: (a, b) => (noting && a !== b && note(a, b), a !== b),
  lt: (a, b) => (noting && note(a, b), a < b),
  le: (a, b) => (noting && note(a, b), a <= b),
  gt: (a, b) => (noting && note(a, b), a > b),
  ge: (a, b) => (noting && note(a, b), a >= b),
};

const TOKENS = [
  'KDUMP   ',
  '\x7fELF',
  'makedumpfile\0\0\0\0',
  'OSRELEASE=',
  'VMCOREINFO\0',
  'SYMBOL(_stext)=',
  'NUMBER(phys_base)=-',
  'SIZE(printk_info)=',
  'SIZE(printk_log)=',
  'DEVICE=',
  '[Hardware Error]: ',
  'EDAC MC0: 1 UE ',
  'pcieport 0000:00:1c.0: AER: ',
  'Kernel panic - not syncing: ',
  'OFFSET(uts_namespace.name)=',
  'hwerr_data',
  'hwerr_data.llvm.',
  'aarch64',
  's390x',
  'armv7l',
  'i686',
  'Unknown',
  '\0\0\0\0',
  '\xff\xff\xff\xff',
].map((text) => Uint8Array.from(text, (character) => character.charCodeAt(0)));

const length = new Int32Array(shared, 0, 2);
const current = new Uint8Array(shared, 8);
const run = (await targets((path) => import(pathToFileURL(join(folder, `${path}.js`)))))[target];
const next = random(seed);
/** By counter the ranges of hits seen so far, a bit each. */
const seen = new Uint8Array(counters);
const corpus = [];
const findings = new Set();
let executions = 0;

for (const input of inputs) keep(input, execute(input));
const deadline = Date.now() + seconds * 1000;
while (Date.now() < deadline) {
  const parent = pick();
  const other = corpus[next(corpus.length)]?.data ?? parent.data;
  const data = mutate(parent.data, next, { tokens: TOKENS, pairs: parent.pairs, other });
  if (execute(data)) keep(data, true);
  // What zlib keeps of each broken page goes with the event loop.
  if (executions % TURN === 0) await setImmediate();
}
parentPort.postMessage({
  kind: 'done',
  executions,
  corpus: corpus.length,
  covered: seen.reduce((sum, bits) => sum + (bits ? 1 : 0), 0),
  kept: corpus.filter(({ isNew }) => isNew).map(({ data }) => data),
});

/** @returns whether the input did something that none before did. */
function execute(data) {
  current.set(data);
  Atomics.store(length, 1, executions++);
  Atomics.store(length, 0, data.length);
  hits.fill(0);
  const before = process.threadCpuUsage();
  try {
    run(data);
  } catch (error) {
    report(data, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const { user, system } = process.threadCpuUsage(before);
  const tookMs = Math.round((user + system) / 1000);
  if (tookMs > slowMs) report(data, `slow: ${tookMs} ms of CPU for ${data.length} bytes`);
  return isNews();
}

/** What it throws was reported when it was first met. */
function attempt(data) {
  try {
    run(data);
  } catch {
    // nothing to add
  }
}

function isNews() {
  let news = false;
  for (let i = 0; i < hits.length; i++) {
    if (hits[i] === 0) continue;
    const bit = 1 << rangeOf(hits[i]);
    if ((seen[i] & bit) !== 0) continue;
    seen[i] |= bit;
    news = true;
  }
  return news;
}

/** Which of eight ranges a number of hits is in, as AFL has them. */
function rangeOf(count) {
  if (count <= 3) return count - 1;
  if (count <= 7) return 3;
  if (count <= 15) return 4;
  if (count <= 31) return 5;
  return count <= 127 ? 6 : 7;
}

/** The input once more, noting what it is compared with. */
function keep(data, isNew) {
  pairs = [];
  noting = true;
  attempt(data);
  noting = false;
  corpus.push({ data: Uint8Array.from(data), pairs, isNew: isNew && !inputs.includes(data) });
}

/** Mostly one of the newest, else any: what was just reached is best to go on from. */
function pick() {
  const recent = Math.min(corpus.length, 32);
  const i = next(3) === 0 ? corpus.length - 1 - next(recent) : next(corpus.length);
  return corpus[i];
}

/** The first finding of each kind, that is with each stack. */
function report(data, text) {
  const key = text.replaceAll(/\d+/g, '').split('\n').slice(0, 4).join('\n');
  if (findings.has(key)) return;
  findings.add(key);
  parentPort.postMessage({
    kind: 'finding',
    text,
    data: Uint8Array.from(data.subarray(0, MAX_BYTES)),
  });
}
