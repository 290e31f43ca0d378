/** What grows with the machine that crashed: dumps of 1 GiB to 16 TiB of RAM, mostly of holes. */
import { execFileSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digits, medians, table } from './measure.mjs';
import { writeElf, writeFlattened, writeKdump } from './synthetic-dumps.mjs';

const DECODE_ONCE = fileURLToPath(new URL('./decode-once.mjs', import.meta.url));
const GIB = 2 ** 30;
const RAM = [
  ['1 GiB', GIB],
  ['64 GiB', 64 * GIB],
  ['1 TiB', 1024 * GIB],
  ['16 TiB', 16_384 * GIB],
];
const RECORDS = [250_000, 500_000, 1_000_000, 2_000_000];

const CASES = [
  ...RAM.map(([name, bytes]) => [`kdump, ${name}`, (path) => writeKdump(path, bytes)]),
  ...RAM.map(([name, bytes]) => [`ELF, ${name}`, (path) => writeElf(path, bytes)]),
  ...RECORDS.map((n) => [`flattened, ${n / 1e6} M records`, (path) => writeFlattened(path, n)]),
];

/** Each in a process of its own that decodes nothing else: how the first dump after a start fares. */
export function growth(directory, runs) {
  const rows = CASES.map(([name, write]) => {
    const path = join(directory, 'dump');
    write(path);
    const { size } = statSync(path);
    const samples = Array.from({ length: runs + 1 }, () =>
      JSON.parse(execFileSync(process.execPath, [DECODE_ONCE, path], { encoding: 'utf8' })),
    ).slice(1); // the first reads the file into memory
    rmSync(path);
    const { ms, cpuMs, mib, bytesRead, reads } = medians(samples);
    const read = digits(bytesRead / 2 ** 20);
    return [name, digits(size / 2 ** 20), digits(ms), digits(cpuMs), read, reads, digits(mib)];
  });
  table(['dump', 'file, MiB', 'ms', 'CPU ms', 'MiB read', 'reads', 'MiB above idle'], rows);
}
