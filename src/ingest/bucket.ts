// Scans a bucket or a prefix of one, as scan.ts scans a directory. Objects appear at once with all their bytes.
// Whether an object may be a dump is judged by its name alone: reading its first bytes takes a request,
// which is left to the decoder.

import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredObject } from '../decode/remote/s3.ts';
import { isUnfinishedName, maybeDump } from './file-names.ts';
import type { FoundFile, ScanResult } from './scan.ts';

/** Every 60th scan of a bucket by date lists all of it, to find deleted objects and late uploads. */
const FULL_SCAN_INTERVAL = 60;
/** Days before the newest that every scan lists, because clocks of hosts differ and uploads take time. */
const DAYS_BACK = 2;
const DAY_MS = 86_400_000;
/** Pause after each page of a list, to limit the load on the store. */
const PAUSE_MS = 20;

/** Which objects of a bucket are scanned. */
export interface BucketOptions {
  /** `s3://BUCKET` or `s3://BUCKET/PREFIX`, without a slash at its end. */
  readonly root: string;
  readonly excluded: readonly RegExp[];
  /** Wall clock, ms. */
  readonly nowMs: () => number;
}

/** Lists the objects of a store, as S3Store does. */
interface Lister {
  list(
    path: string,
    from: { readonly startAfter?: string },
  ): AsyncIterable<readonly StoredObject[]>;
}

/** Finds the dumps in a bucket, or in a prefix of one, by listing it; buckets send no events. */
export class Bucket {
  readonly #options: BucketOptions;
  #lister: Lister | undefined;
  /** Files of the last scan. */
  #files: readonly FoundFile[] = [];
  /** The newest date among the keys below the root, if all of them begin with one. */
  #newestDay: string | undefined;
  #scans = 0;

  /** @param lister undefined: the store that the environment configures. */
  constructor(options: BucketOptions, lister?: Lister) {
    this.#options = options;
    this.#lister = lister;
  }

  /**
   * Returns the objects that may be dumps. If all keys begin with a date, most scans list only the newest
   * days.
   *
   * @throws FileError if they cannot be listed.
   */
  async scan(): Promise<ScanResult> {
    const { root, nowMs } = this.#options;
    const day = this.#scans % FULL_SCAN_INTERVAL === 0 ? undefined : this.#newestDay;
    const startAfter = day === undefined ? undefined : `${root}/${daysBefore(day)}`;
    const days = new Days(startAfter === undefined ? undefined : day, nowMs());
    const files = this.#files.filter(({ path }) => startAfter !== undefined && path <= startAfter);
    for await (const page of await this.#pages(startAfter)) {
      for (const object of page) {
        const relative = object.path.slice(root.length + 1);
        days.add(relative);
        if (this.#maybeDump(relative)) files.push(this.#fileOf(object));
      }
      await sleep(PAUSE_MS);
    }
    this.#scans++;
    this.#files = files;
    this.#newestDay = days.newest;
    return { files, directories: [], notDumps: new Set(), unreadable: [], identity: undefined };
  }

  async #pages(startAfter: string | undefined): Promise<AsyncIterable<readonly StoredObject[]>> {
    if (this.#lister === undefined) {
      const { S3Store } = await import('../decode/remote/s3.ts'); // loaded only for buckets
      this.#lister = new S3Store(process.env);
    }
    const from = startAfter === undefined ? {} : { startAfter };
    return this.#lister.list(`${this.#options.root}/`, from);
  }

  /** A key that ends in a slash is not an object: some programs create it as a directory. */
  #maybeDump(relative: string): boolean {
    return !relative.endsWith('/') && maybeDump(relative, this.#options.excluded);
  }

  #fileOf({ path, size, mtimeMs, version }: StoredObject): FoundFile {
    const isUnfinished = isUnfinishedName(basename(path));
    return { root: this.#options.root, path, size, mtimeMs, version, saved: 'whole', isUnfinished };
  }
}

/** The newest date that keys begin with, if all have one in the same form: 2026-10-03 or 20261003. */
class Days {
  readonly #latestMs: number;
  #newest: string | undefined;
  #areAll = true;

  /** @param newest that of an earlier list. */
  constructor(newest: string | undefined, nowMs: number) {
    this.#newest = newest;
    this.#latestMs = nowMs + DAY_MS;
  }

  get newest(): string | undefined {
    return this.#areAll ? this.#newest : undefined;
  }

  add(relative: string): void {
    const day = /^(?:\d{4}-\d{2}-\d{2}|\d{8})(?!\d)/.exec(relative)?.[0];
    // A date in the future would exclude the keys of today.
    this.#areAll &&=
      day !== undefined &&
      dayMs(day) <= this.#latestMs &&
      (this.#newest === undefined || this.#newest.length === day.length);
    if (this.#newest === undefined || (day !== undefined && day > this.#newest)) this.#newest = day;
  }
}

function daysBefore(day: string): string {
  const before = new Date(dayMs(day) - DAYS_BACK * DAY_MS).toISOString().slice(0, 10);
  return day.includes('-') ? before : before.replaceAll('-', '');
}

/** Returns Unix ms; NaN for an invalid date. */
function dayMs(day: string): number {
  const digits = day.replaceAll('-', '');
  return Date.parse(`${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`);
}
