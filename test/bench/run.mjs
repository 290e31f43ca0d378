/**
 * `npm run bench`: measures, and prints the tables of test/bench/benchmarks.md. Takes minutes; on a
 * machine that does nothing else.
 *
 *   npm run bench -- --only=decode,growth   some of the parts: peers, decode, growth, daemon,
 *                                           central
 *   npm run bench -- --vmlinux=FILE         debuginfo of the sample dumps' kernel: compares with drgn
 *                                           and crash
 *   npm run bench -- --peers=DIR            a chroot that has newer ones
 *   npm run bench -- --program=DIR          an unpacked archive of `npm run release`: its program (not
 *                                           for decode and growth)
 *   npm run bench -- --dumps=DIR            the sample dumps, if not in ../shared/vmcores
 *   npm run bench -- --only=shared --database=postgres://… --hosts=100000   a shared ledger, in an empty database
 *   npm run bench -- --runs=7 --hosts=10000
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { central } from './central.mjs';
import { daemon } from './daemon.mjs';
import { decodes } from './decode.mjs';
import { growth } from './growth.mjs';
import { PROGRAM, scratch } from './measure.mjs';
import { peers } from './peers.mjs';
import { shared } from './shared.mjs';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'peers,decode,growth,daemon,central' },
    vmlinux: { type: 'string' },
    peers: { type: 'string' },
    program: { type: 'string' }, // which measure.mjs looks at
    dumps: {
      type: 'string',
      default: fileURLToPath(new URL('../../../shared/vmcores', import.meta.url)),
    },
    runs: { type: 'string', default: '7' },
    hosts: { type: 'string', default: '10000' },
    database: { type: 'string' },
  },
});

const FIXTURES = fileURLToPath(new URL('../fixtures', import.meta.url));
const runs = Number(options.runs);
const parts = new Set(options.only.split(','));
const directory = scratch();
/** Dumps with whole pages of a real kernel; the fixtures where there are no larger ones. */
const folder = existsSync(options.dumps) ? options.dumps : FIXTURES;
const dumps = readdirSync(folder)
  .filter((name) => /\.(zlib|lzo|zstd|raw|elf|flat-\w+)$/.test(name))
  .map((name) => join(folder, name));

console.log(
  `${cpus()[0].model}, ${cpus().length} CPUs, ${Math.round(totalmem() / 2 ** 30)} GiB; ` +
    `Node ${process.version}; medians of ${runs}\n`,
);

if (parts.has('peers')) {
  console.log('## The whole process\n');
  const { vmlinux, peers: root } = options;
  if (vmlinux === undefined) console.log('Others left out: no --vmlinux of the dumps.\n');
  const ofThatKernel = dumps.filter((path) => /x86_64-7\.3\.4(-whole)?\.[\w-]+$/.test(path));
  peers({ dumps: ofThatKernel, vmlinux, root, program: PROGRAM, runs, directory });
}
if (parts.has('decode')) {
  console.log('## One decode in the worker\n');
  await decodes(dumps, runs);
}
if (parts.has('growth')) {
  console.log('## Growth with the size of the machine\n');
  growth(directory, runs);
}
if (parts.has('daemon')) {
  console.log('## The daemon\n');
  await daemon(directory, runs, ledgerFlags);
}

if (parts.has('central')) {
  console.log('## A month of a central collector\n');
  await central(directory, Number(options.hosts), ledgerFlags);
}

if (parts.has('shared')) {
  console.log('## A collector over a shared ledger\n');
  await shared(directory, Number(options.hosts), options.database);
}

/** For an exporter that keeps what it learns: where to keep it, and of how many hosts. */
function ledgerFlags(ledger) {
  const help = execFileSync(PROGRAM[0], [...PROGRAM.slice(1), '--help'], { encoding: 'utf8' });
  return [
    ['--ledger.path', ledger],
    ['--central.max-hosts', options.hosts],
  ].flatMap(([flag, value]) => (help.includes(flag) ? [flag, value] : []));
}
