/** In the worker thread: decodes one dump, again and again, and reads its pages without decoding. */
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { openFileSource } from '../../dist/decode/file-source.js';
import { decompressPage } from '../../dist/vmcore/codec/page-codec.js';
import { flattened, isFlattened } from '../../dist/vmcore/container/flattened.js';
import { isKdump, readKdumpHeader } from '../../dist/vmcore/container/kdump-header.js';
import { VmcoreError, decodeVmcore, openVmcore } from '../../dist/vmcore/index.js';
import { DEFAULT_LIMITS } from '../../dist/vmcore/limits.js';
import { medians } from './measure.mjs';

const { path, runs } = workerData;
/** A decode takes a few milliseconds once it is compiled. */
const WARM_UP = 20;
/** Samples for each run that was asked for: they are short, and the machine has other things to do. */
const SAMPLES = 10;
const DESCRIPTOR = 24;

const first = once();
for (let i = 0; i < WARM_UP; i++) once();
const pages = pagesRead();
const decodes = [];
const alone = [];
for (let i = 0; i < runs * SAMPLES; i++) {
  decodes.push(once());
  alone.push(readAlone(pages));
}
parentPort.postMessage({
  first,
  decode: medians(decodes),
  alone: pages.length === 0 ? undefined : medians(alone),
});

function once() {
  const source = openFileSource(path);
  let pages = 0;
  let bytesRead = 0;
  const counting = {
    ...source,
    read(offset, length) {
      bytesRead += length;
      return source.read(offset, length);
    },
  };
  const onPage = (what) => {
    if (what === 'page') pages++;
  };
  const times = clocked(() => {
    decode(() => [openVmcore(counting, DEFAULT_LIMITS, onPage)]);
  });
  source.close();
  return { ...times, pages, bytesRead };
}

/** CPU time is that of all threads: the others wait, or collect the garbage of this one. */
function clocked(work) {
  const cpu = process.cpuUsage();
  const started = performance.now();
  work();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000 };
}

/** A dump that cannot be decoded has its time too. */
function decode(open) {
  try {
    decodeVmcore(open());
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
  }
}

/** The pages that a decode reads: where they lie, and by which codec. */
function pagesRead() {
  const source = openFileSource(path);
  const head = source.read(0, Math.min(64, source.size));
  const file = isFlattened(head) ? flattened(source, DEFAULT_LIMITS) : source;
  if (!isKdump(file.read(0, 64))) {
    source.close();
    return [];
  }
  const { blockSize } = readKdumpHeader(file, DEFAULT_LIMITS);
  const found = [];
  let descriptor;
  const noting = {
    ...file,
    read(offset, length) {
      const bytes = file.read(offset, length);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (descriptor?.size === length) found.push({ offset, ...descriptor, blockSize });
      descriptor =
        length === DESCRIPTOR
          ? { size: view.getUint32(8, true), flags: view.getUint32(12, true) }
          : undefined;
      return bytes;
    },
  };
  decode(() => noting);
  source.close();
  return found;
}

function readAlone(wanted) {
  const source = openFileSource(path);
  const isFlat = isFlattened(source.read(0, Math.min(64, source.size)));
  const file = isFlat ? flattened(source, DEFAULT_LIMITS) : source;
  const { ms, cpuMs } = clocked(() => {
    for (const { offset, size, flags, blockSize } of wanted) {
      decompressPage(flags, file.read(offset, size), blockSize, 'page');
    }
  });
  source.close();
  return { ms, cpuMs };
}
