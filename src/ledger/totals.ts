// Totals over crashes, of one host or of all: what metrics read. They are in memory, so that no scrape
// waits for a disk, and take as much of it for a thousand crashes as for one. Pure bookkeeping: what
// comes in is committed already.

import { CATEGORIES, type CrashType } from '../vmcore/index.ts';
import { type Crash, byNewest, isFoundLate } from './crash.ts';
import { type CrashErrors, crashErrors } from './crash-errors.ts';
import { type CountedErrors, countedErrors, countedType } from './logs.ts';
import { Recent } from './recent.ts';

/** What all crashes of a scope counted in one category. */
export interface CategoryTotals {
  readonly errors: number;
  /** Newest error in any crash, Unix seconds; 0 = never. */
  readonly lastSeconds: number;
  /** Crashes whose last error of this category came within the suspect window before the panic. */
  readonly suspectCrashes: number;
  /** Crashes that counted any. */
  readonly crashes: number;
  /** The suspect crash that became known as one last. */
  readonly lastSuspect: SuspectCrash | undefined;
}

interface SuspectCrash {
  readonly crash: Crash;
  /** When it became known that it is suspect, Unix seconds. */
  readonly recordedSeconds: number;
}

/** All crashes, or those of one host. */
export interface Totals {
  /**
   * Whether these are crashes of which no host is known. Such a crash leaves these totals when its
   * host becomes known, so none of the numbers here is a counter then.
   */
  readonly isFallback: boolean;
  readonly crashes: number;
  readonly byCategory: ReadonlyMap<string, CategoryTotals>;
  /** Events in the logs of crashes; no entry: none. */
  readonly logged: readonly CountedErrors[];
  /** Crashes by what the kernel died of, as far as a log says so. */
  readonly byType: ReadonlyMap<CrashType, number>;
  /** The newest crash, by when it happened as far as that can be believed. */
  readonly lastCrash: Crash | undefined;
  /** The crash that became known last. */
  readonly lastRecorded: Crash | undefined;
  /** Crashes that became known in the day before `nowSeconds`, without those that were found late. */
  recordedWithinDay(nowSeconds: number): number;
  /** Suspect crashes of the 30 days before `nowSeconds`; of each host, since its last repair. */
  recentSuspects(category: string, nowSeconds: number): number;
}

const DAY_SECONDS = 86_400;
export const RECENT_SECONDS: { readonly crashes: number; readonly suspects: number } = {
  crashes: DAY_SECONDS,
  suspects: 30 * DAY_SECONDS,
};

const NO_TOTALS: CategoryTotals = {
  errors: 0,
  lastSeconds: 0,
  suspectCrashes: 0,
  crashes: 0,
  lastSuspect: undefined,
};

/** What is known at first; what is left out is none. */
export interface InitialTotals {
  readonly isFallback: boolean;
  readonly crashes?: number;
  readonly byCategory?: ReadonlyMap<string, CategoryTotals>;
  readonly logged?: readonly CountedErrors[];
  readonly byType?: ReadonlyMap<CrashType, number>;
  readonly lastCrash?: Crash | undefined;
  readonly lastRecorded?: Crash | undefined;
  /** Times of recording, of those that may still be recent. */
  readonly recordedSeconds?: Iterable<number>;
  /** By category, the times at which crashes became suspect. */
  readonly suspectSeconds?: Iterable<readonly [string, number]>;
}

/** The totals of one host, or of all, moved on by each crash that is committed. */
export class RunningTotals implements Totals {
  readonly isFallback: boolean;
  readonly #byCategory: Map<string, CategoryTotals>;
  readonly #recorded = new Recent(RECENT_SECONDS.crashes);
  readonly #suspects = new Map<string, Recent>();
  readonly #logged = new Map<string, CountedErrors>();
  readonly #byType: Map<CrashType, number>;
  #crashes: number;
  #lastCrash: Crash | undefined;
  #lastRecorded: Crash | undefined;

  constructor(initial: InitialTotals) {
    this.isFallback = initial.isFallback;
    this.#crashes = initial.crashes ?? 0;
    this.#byCategory = new Map(
      CATEGORIES.map((name) => [name, initial.byCategory?.get(name) ?? NO_TOTALS]),
    );
    for (const errors of initial.logged ?? []) this.#addLogged(errors);
    this.#byType = new Map(initial.byType);
    this.#lastCrash = initial.lastCrash;
    this.#lastRecorded = initial.lastRecorded;
    for (const seconds of initial.recordedSeconds ?? []) this.#recorded.add(seconds);
    for (const [category, seconds] of initial.suspectSeconds ?? []) {
      this.#addSuspect(category, seconds);
    }
  }

  get crashes(): number {
    return this.#crashes;
  }

  get byCategory(): ReadonlyMap<string, CategoryTotals> {
    return this.#byCategory;
  }

  get logged(): readonly CountedErrors[] {
    return [...this.#logged.values()];
  }

  get byType(): ReadonlyMap<CrashType, number> {
    return this.#byType;
  }

  get lastCrash(): Crash | undefined {
    return this.#lastCrash;
  }

  get lastRecorded(): Crash | undefined {
    return this.#lastRecorded;
  }

  recordedWithinDay(nowSeconds: number): number {
    return this.#recorded.count(nowSeconds);
  }

  recentSuspects(category: string, nowSeconds: number): number {
    return this.#suspects.get(category)?.count(nowSeconds) ?? 0;
  }

  /**
   * Take in what was committed of one crash.
   *
   * @param before what was known of it; undefined when it is new.
   * @param isRepaired whether a repair of its host came after it.
   */
  change(before: Crash | undefined, after: Crash, nowSeconds: number, isRepaired: boolean): void {
    if (before === undefined) {
      this.#crashes++;
      if (!isFoundLate(after)) this.#recorded.add(after.recordedSeconds);
    }
    const known = new Map(
      before === undefined ? [] : crashErrors(before).map((one) => [one.category, one]),
    );
    for (const is of crashErrors(after)) {
      const was = known.get(is.category);
      const totals = this.#byCategory.get(is.category) ?? NO_TOTALS;
      const becameSuspect = is.isSuspect && was?.isSuspect !== true;
      if (becameSuspect && !isRepaired) this.#addSuspect(is.category, nowSeconds);
      this.#byCategory.set(is.category, {
        ...sum(totals, was, is),
        lastSuspect: later(
          updated(totals.lastSuspect, after),
          becameSuspect ? { crash: after, recordedSeconds: nowSeconds } : undefined,
        ),
      });
    }
    this.#changeLog(before, after);
    if (this.#lastCrash === undefined || byNewest(after, this.#lastCrash) <= 0) {
      this.#lastCrash = after;
    }
    if (after.sequence >= (this.#lastRecorded?.sequence ?? 0)) this.#lastRecorded = after;
  }

  /** Neither events nor types of a crash are ever taken back. */
  #changeLog(before: Crash | undefined, after: Crash): void {
    const known = before === undefined ? [] : countedErrors(before.report);
    for (const is of countedErrors(after.report)) {
      const was = known.find((one) => one.category === is.category && one.severity === is.severity);
      this.#addLogged({ ...is, events: Math.max(0, is.events - (was?.events ?? 0)) });
    }
    const type = countedType(after.report);
    if (type === null || (before !== undefined && countedType(before.report) !== null)) return;
    this.#byType.set(type, (this.#byType.get(type) ?? 0) + 1);
  }

  #addLogged({ category, severity, events }: CountedErrors): void {
    const key = `${category} ${severity}`;
    const sum = (this.#logged.get(key)?.events ?? 0) + events;
    this.#logged.set(key, { category, severity, events: sum });
  }

  #addSuspect(category: string, seconds: number): void {
    const recent = this.#suspects.get(category) ?? new Recent(RECENT_SECONDS.suspects);
    recent.add(seconds);
    this.#suspects.set(category, recent);
  }
}

function sum(
  totals: CategoryTotals,
  was: CrashErrors | undefined,
  is: CrashErrors,
): Omit<CategoryTotals, 'lastSuspect'> {
  const one = (is: boolean | undefined): number => (is === true ? 1 : 0);
  return {
    errors: totals.errors + is.count - (was?.count ?? 0),
    lastSeconds: Math.max(totals.lastSeconds, is.lastErrorSeconds ?? 0),
    suspectCrashes: totals.suspectCrashes + one(is.isSuspect) - one(was?.isSuspect),
    crashes: totals.crashes + one(is.count > 0) - one(was !== undefined && was.count > 0),
  };
}

function updated(last: SuspectCrash | undefined, crash: Crash): SuspectCrash | undefined {
  return last?.crash.sequence === crash.sequence ? { ...last, crash } : last;
}

/** As the ledger's queries order them: by recording, then by sequence. */
function later(
  one: SuspectCrash | undefined,
  other: SuspectCrash | undefined,
): SuspectCrash | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const order =
    one.recordedSeconds - other.recordedSeconds || one.crash.sequence - other.crash.sequence;
  return order > 0 ? one : other;
}
