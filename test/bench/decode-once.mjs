/** A process that decodes one dump, and prints what that took beyond its idle self. */
import { readFileSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { openFileSource } from '../../dist/decode/file-source.js';
import { decodeVmcore } from '../../dist/vmcore/index.js';

const idleBytes = process.memoryUsage.rss();
const idleCpu = process.cpuUsage();
writeFileSync('/proc/self/clear_refs', '5'); // what starting took is no part of the peak
const started = performance.now();
const source = openFileSource(process.argv[2]);
let reads = 0;
let bytesRead = 0;
const counting = {
  ...source,
  read(offset, length) {
    reads++;
    bytesRead += length;
    return source.read(offset, length);
  },
};
const { hwerr } = decodeVmcore(counting);
const ms = performance.now() - started;
const { user, system } = process.cpuUsage(idleCpu);
const [, peakKib] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
if (hwerr.kind !== 'present') throw new Error(`no counters: ${hwerr.reason}`);
console.log(
  JSON.stringify({
    ms,
    cpuMs: (user + system) / 1000,
    mib: (Number(peakKib) * 1024 - idleBytes) / 2 ** 20,
    bytesRead,
    reads,
  }),
);
