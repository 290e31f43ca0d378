// Power cuts of a whole machine: its ledger and its dumps are on a disk that forgets what was not flushed.

import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { onTestFinished } from 'vitest';

import { type Scrape, samplesIn } from '../support/daemon/running-daemon.ts';
import { crashDump } from '../support/dumps/crash-dumps.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { eventually } from '../support/system/eventually.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { type BootedMachine, bootedMachine, goOn } from './booted-machine.ts';
import type { RunRecord } from './run-record.ts';
import { VolatileDisk } from './volatile-disk.ts';
import type { WholeMachine } from './whole-machine.ts';

const MAKE = {
  ext4: ['mke2fs', '-q', '-t', 'ext4'],
  xfs: ['mkfs.xfs', '-q'],
  btrfs: ['mkfs.btrfs', '-q'],
};
export type FileSystem = keyof typeof MAKE;
/** xfs takes no less than 300 MiB. */
const DISK_BYTES = 512 * 2 ** 20;
const DUMPS_A_CUT = 6;
/** To the cut, at most. */
const LONGEST_MS = 40_000;
/** New crashes that are shown before the cut, at most. */
const MOST_NEWS = 6;
/** QEMU may take a connection that the machine does not. */
const ANSWER_MS = 10_000;
/** Between two dumps, at most. */
const PAUSE_MS = 8000;
/** How many in a hundred of the sectors that were not flushed are on the disk all the same. */
const KEPT = [0, 50, 100];

const CRASHES = 'hwerr_crashes_total';
const ERRORS = 'hwerr_recoverable_errors_total{category="pci"}';
const SET_ASIDE = 'hwerr_ledgers_set_aside';

/** The ledger on the disk that forgets, and the dumps to come beside it. */
const MOUNT = `
for name in data more; do udevadm wait --timeout=60 /dev/disk/by-id/virtio-$name; done
mkdir -p /data && mount /dev/disk/by-id/virtio-data /data && mount -o ro /dev/disk/by-id/virtio-more /mnt
mkdir -p /data/ledger /data/crash
mount --bind /data/ledger /var/lib/hwerr-exporter && echo mounted`;
/** Where kdump's dumps are: beside the ledger, or in memory, so that a crash that is not in the ledger is gone. */
const DUMPS = ['mount --bind /data/crash /var/crash', 'mount -t tmpfs crash /var/crash'];

export interface PowerCutsSetup {
  readonly record: RunRecord;
  readonly fileSystem: FileSystem;
  /** How many there may be. */
  readonly most: number;
  /** A command for the guest, before the exporter starts. */
  readonly prepare?: string;
}

export class PowerCuts {
  readonly #setup: PowerCutsSetup;
  readonly #booted: BootedMachine;
  readonly #content: Buffer;
  readonly #dumps: string;
  /** Crashes that were shown: their ids. */
  readonly #crashes = new Set<string>();
  /** Of each counter, the highest value that was shown. */
  readonly #shown = new Map<string, number>();
  #arrived = 0;
  /** Since the power came. */
  #answered = false;
  #cuts = 0;

  private constructor(setup: PowerCutsSetup, booted: BootedMachine) {
    const folder = tempDir();
    this.#setup = setup;
    this.#booted = booted;
    this.#content = emptyDisk(folder, MAKE[setup.fileSystem]);
    this.#dumps = dumpsDisk(folder, setup.most * DUMPS_A_CUT);
  }

  static async begin(setup: PowerCutsSetup): Promise<PowerCuts> {
    return new PowerCuts(setup, await bootedMachine(setup.record));
  }

  /** The power comes, dumps arrive, and it goes. @throws where something is gone that was shown. */
  async next(): Promise<void> {
    this.#cuts++;
    this.#answered = false;
    const { machine, disk } = await this.#powerOn();
    const running = new AbortController();
    const scrapes = this.#scrape(machine, running.signal);
    const arrivals = this.#arrive(machine, running.signal);
    try {
      await Promise.race([this.#moment(), scrapes, arrivals]);
    } finally {
      running.abort();
    }
    const { unflushed, lost } = disk.cut(KEPT[randomInt(KEPT.length)]!);
    await machine.kill();
    await Promise.all([scrapes, arrivals]);
    this.#tell(`lost ${lost} of ${unflushed} sectors that were not flushed`);
  }

  /**
   * When to cut: every third time as soon as an answer has shown crashes that none had before; else at any moment,
   * from the start of the unit or from its first answer.
   */
  async #moment(): Promise<void> {
    const enough = this.#crashes.size + randomInt(1, MOST_NEWS + 1);
    const kind = this.#cuts % 3;
    if (kind === 0) {
      await eventually('an answer shows more', () => this.#crashes.size >= enough || undefined);
    } else {
      if (kind === 1) await eventually('an answer', () => this.#answered || undefined);
      await sleep(randomInt(LONGEST_MS));
    }
  }

  /** The power comes and stays, and what a cut took of the dumps comes again. */
  async end(): Promise<void> {
    this.#cuts++;
    const { machine } = await this.#powerOn();
    for (let number = 1; number <= this.#arrived; number++) await arrive(machine, number);
    const errors = (this.#arrived * (this.#arrived + 1)) / 2;
    await eventually('every crash is counted', async () => {
      const scrape = await this.#look(machine);
      const counted = [scrape?.get(CRASHES), scrape?.get(ERRORS), this.#crashes.size];
      return isDeepStrictEqual(counted, [this.#arrived, errors, this.#arrived]) || undefined;
    });
    this.#tell(`${errors} errors, as many as there are`);
  }

  #tell(what: string): void {
    this.#setup.record.tell(
      `power ${this.#cuts}: ${this.#arrived} dumps have come, ${this.#crashes.size} crashes were shown; ${what}`,
    );
  }

  async #powerOn(): Promise<{ machine: WholeMachine; disk: VolatileDisk }> {
    const folder = tempDir();
    const socket = join(folder, 'disk');
    const disk = await VolatileDisk.serve(this.#content, socket);
    onTestFinished(() => {
      disk.close();
    });
    const machine = await goOn(this.#booted, folder);
    const server = { type: 'unix', path: socket };
    await machine.plug('data', { driver: 'raw', file: { driver: 'nbd', server } });
    const file = { driver: 'file', filename: this.#dumps };
    await machine.plug('more', { driver: 'raw', 'read-only': true, file });
    const mounted = await machine.shell(MOUNT);
    if (!mounted.endsWith('mounted\n')) throw new Error(`does not mount its disk: ${mounted}`);
    const prepare = [DUMPS[this.#cuts % DUMPS.length], this.#setup.prepare ?? 'true'];
    const start = [...prepare, 'systemctl start hwerr-exporter'].join(' && ');
    const said = await machine.shell(start);
    if (said !== '') throw new Error(`does not start: ${said}`);
    return { machine, disk };
  }

  async #scrape(machine: WholeMachine, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look(machine, signal);
      await sleep(20);
    }
  }

  /** @returns undefined where there is no answer. @throws where it is wrong, or takes back what was shown. */
  async #look(machine: WholeMachine, signal?: AbortSignal): Promise<Scrape | undefined> {
    const limits = [AbortSignal.timeout(ANSWER_MS), ...(signal === undefined ? [] : [signal])];
    const answer = async (path: string): Promise<string | undefined> => {
      const response = await fetch(`${machine.url}${path}`, { signal: AbortSignal.any(limits) });
      return response.ok ? await response.text() : undefined;
    };
    const list = await answer('/api/v1/crashes?limit=1000').catch(() => undefined);
    const exposition = await answer('/metrics').catch(() => undefined);
    if (list === undefined || exposition === undefined) return undefined;
    this.#answered = true;
    const { crashes } = JSON.parse(list) as { crashes: { id: string }[] };
    const ids = new Set(crashes.map(({ id }) => id));
    const gone = [...this.#crashes].filter((id) => !ids.has(id));
    if (gone.length > 0) throw new Error(`gone, and was shown before: ${gone.join(' ')}`);
    for (const id of ids) this.#crashes.add(id);
    const scrape = samplesIn(exposition);
    for (const name of [CRASHES, ERRORS]) {
      const value = scrape.get(name);
      if (value === undefined) continue; // before the first look at the directory is recorded
      const before = this.#shown.get(name) ?? 0;
      if (value < before) throw new Error(`${name} is ${value}, and ${before} was shown before`);
      this.#shown.set(name, value);
    }
    if ((scrape.get(CRASHES) ?? 0) > this.#arrived) throw new Error(`more crashes than dumps`);
    if ((scrape.get(SET_ASIDE) ?? 0) > 0) throw new Error('the ledger was set aside as damaged');
    return scrape;
  }

  async #arrive(machine: WholeMachine, signal: AbortSignal): Promise<void> {
    const most = this.#cuts * DUMPS_A_CUT;
    const unlessCut = (error: unknown): void => {
      if (!signal.aborted) throw error;
    };
    while (!signal.aborted) {
      if (this.#arrived < most) await arrive(machine, ++this.#arrived).catch(unlessCut);
      await sleep(randomInt(PAUSE_MS));
    }
  }
}

/** As kdump-tools writes it, if it is not there as a whole; every third is flushed, too. */
async function arrive(machine: WholeMachine, number: number): Promise<void> {
  const stamp = 202_611_000_000 + number;
  const folder = `/var/crash/${stamp}`;
  const flush = number % 3 === 0 ? `sync ${folder}/dump.${stamp}` : 'true';
  await machine.shell(
    `cmp --quiet /mnt/${number} ${folder}/dump.${stamp} || ` +
      `{ mkdir -p ${folder} && cp /mnt/${number} ${folder}/dump-incomplete && ` +
      `mv ${folder}/dump-incomplete ${folder}/dump.${stamp} && ${flush}; }`,
  );
}

/** An empty file system. */
function emptyDisk(folder: string, make: readonly string[]): Buffer {
  const file = join(folder, 'empty');
  writeFileSync(file, '');
  truncateSync(file, DISK_BYTES);
  const [program = '', ...args] = make;
  execFileSync(program, [...args, file], { stdio: ['ignore', 'ignore', 'inherit'] });
  return readFileSync(file);
}

/** The file of a disk with so many dumps on it, of one crash each: N has N errors, and is called N. */
function dumpsDisk(folder: string, count: number): string {
  const dumps = join(folder, 'dumps');
  const file = join(folder, 'dumps-disk');
  mkdirSync(dumps);
  const template = readFileSync(fixture('x86_64-7.3.4.elf'));
  for (let number = 1; number <= count; number++) {
    const dump = crashDump(template, { boot: number, pci: number });
    writeFileSync(join(dumps, String(number)), dump);
  }
  const mebibytes = Math.ceil((count * template.length * 1.2) / 2 ** 20) + 16;
  execFileSync('mke2fs', ['-q', '-d', dumps, file, `${mebibytes}M`], { stdio: 'ignore' });
  rmSync(dumps, { recursive: true });
  return file;
}
