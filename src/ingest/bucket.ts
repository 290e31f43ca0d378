// One look at a prefix of a bucket, as scan.ts looks at a directory: which objects are there now. An
// object is there at once, with all its bytes. Its name alone says whether it may be a dump: a look at
// its first bytes is a request, which the decoder makes.

import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredObject } from '../decode/remote/s3.ts';
import { isUnfinishedName, maybeDump } from './file-names.ts';
import type { FoundFile, ScanResult } from './scan.ts';

/** Of a bucket by date, one scan of so many looks at all of it: for what is gone, and what came late. */
const WHOLE_EVERY = 60;
/** Days before the newest that every scan looks at: hosts' clocks differ, and uploads take long. */
const DAYS_BACK = 2;
const DAY_MS = 86_400_000;
/** After each page of a list: a store has others to serve. */
const PAUSE_MS = 20;

/** Which objects of a bucket are looked at. */
export interface BucketOptions {
  /** `s3://BUCKET` or `s3://BUCKET/PREFIX`, without a slash at its end. */
  readonly root: string;
  readonly excluded: readonly RegExp[];
  /** Of the wall clock. */
  readonly nowMs: () => number;
}

/** Lists what lies in a store, as S3Store does. */
interface Lister {
  list(
    path: string,
    from: { readonly startAfter?: string },
  ): AsyncIterable<readonly StoredObject[]>;
}

/** The dumps of a bucket, or of a prefix of one, by listing it: a bucket has no events. */
export class Bucket {
  readonly #options: BucketOptions;
  #lister: Lister | undefined;
  /** Of the last scan. */
  #files: readonly FoundFile[] = [];
  /** The newest day that a path begins with below the root, if all begin with one. */
  #newestDay: string | undefined;
  #scans = 0;

  /** @param lister undefined: the store that the environment names. */
  constructor(options: BucketOptions, lister?: Lister) {
    this.#options = options;
    this.#lister = lister;
  }

  /**
   * The objects that may be dumps. Where all keys begin with a date, most scans list the newest days
   * only.
   *
   * @throws FileError when they cannot be listed.
   */
  async scan(): Promise<ScanResult> {
    const { root, nowMs } = this.#options;
    const day = this.#scans % WHOLE_EVERY === 0 ? undefined : this.#newestDay;
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
      const { S3Store } = await import('../decode/remote/s3.ts'); // it is for buckets alone
      this.#lister = new S3Store(process.env);
    }
    const from = startAfter === undefined ? {} : { startAfter };
    return this.#lister.list(`${this.#options.root}/`, from);
  }

  /** A key that ends in a slash is what some programs call a directory. */
  #maybeDump(relative: string): boolean {
    return !relative.endsWith('/') && maybeDump(relative, this.#options.excluded);
  }

  #fileOf({ path, size, mtimeMs, version }: StoredObject): FoundFile {
    const isUnfinished = isUnfinishedName(basename(path));
    return { root: this.#options.root, path, size, mtimeMs, version, saved: 'whole', isUnfinished };
  }
}

/** The days that keys begin with, as long as all do, and in one way: 2026-10-03 or 20261003. */
class Days {
  readonly #latestMs: number;
  #newest: string | undefined;
  #areAll = true;

  /** @param newest of an earlier list. */
  constructor(newest: string | undefined, nowMs: number) {
    this.#newest = newest;
    this.#latestMs = nowMs + DAY_MS;
  }

  get newest(): string | undefined {
    return this.#areAll ? this.#newest : undefined;
  }

  add(relative: string): void {
    const day = /^(?:\d{4}-\d{2}-\d{2}|\d{8})(?!\d)/.exec(relative)?.[0];
    // One of a day to come would hide those of today.
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

/** NaN for what is no day. */
function dayMs(day: string): number {
  const digits = day.replaceAll('-', '');
  return Date.parse(`${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`);
}
