// Which crash a report is of. Pure.
//
// A mark that is there on both sides and differs makes two crashes: boot id, crash time, name of the
// host. Clones of one VM snapshot have one boot id and die on different hosts, or at different times.
// What the path says of the host (--central.host-pattern) is a mark as well, unless both files have
// one content: a copy lies where it likes.
//
// A mark that is missing on one side contradicts nothing: a dump that broke off lost the page of the
// boot id and often the host's name. Then one boot id proves that two reports are of one crash. So
// does one VMCOREINFO (it holds the second of the crash and, with KASLR, the kernel's random place)
// where at least one side knows its host. Where neither does, hosts with one kernel image and no KASLR
// may have died in the same second: only the same path or the same content proves it then.
//
// A record of pstore has no boot id and no VMCOREINFO. Its crash is the one with the same panic line at
// the same microsecond since boot; where a log lacks that, the one of the same host within a minute.

/** What distinguishes crashes. null: the file does not say. */
export interface CrashIdentity {
  readonly bootId: string | null;
  /** Unix seconds, by the clock of the kernel that crashed. */
  readonly crashTimeSeconds: number | null;
  /** As hostOf() cleans it. */
  readonly nodename: string | null;
  /** The host that the path names. */
  readonly pathHost: string | null;
  /** Of the panic line and its time since boot. */
  readonly panicMark: string | null;
  /** There is no dump, only a record in pstore. */
  readonly isOfPstore: boolean;
}

/** Between the times that pstore and a dump give of one crash, and those of the parts of a record. */
export const NEAR_SECONDS = 60;

/** A crash of the ledger that shares the report's boot id or VMCOREINFO. */
export interface Candidate extends CrashIdentity {
  readonly sequence: number;
  readonly sharesVmcoreinfo: boolean;
  /** One of its files has the path of the reported one. */
  readonly sharesPath: boolean;
  /** One of its files has the content of the reported one. */
  readonly sharesContent: boolean;
  /** It is of the same host, and of a time that is less than NEAR_SECONDS away. */
  readonly isNear: boolean;
}

/**
 * The crash among `candidates` that a file with these identity describes; undefined: none of them.
 *
 * Where several are possible, the same file comes first, then the same boot, then the same host, then
 * the one that became known first: a report that could be of two known crashes must not become a third.
 */
export function sameCrash(
  identity: CrashIdentity,
  candidates: readonly Candidate[],
): Candidate | undefined {
  const possible = candidates
    .filter((known) => !isContradicted(identity, known) && isProven(identity, known))
    .sort((a, b) => closeness(identity, b) - closeness(identity, a) || a.sequence - b.sequence);
  return possible[0];
}

function isContradicted(identity: CrashIdentity, known: Candidate): boolean {
  return (
    differ(identity.bootId, known.bootId) ||
    timesDiffer(identity, known) ||
    (isWithPstore(identity, known) && differ(identity.panicMark, known.panicMark)) ||
    differ(identity.nodename, known.nodename) ||
    (differ(identity.pathHost, known.pathHost) && !known.sharesContent)
  );
}

function isProven(identity: CrashIdentity, known: Candidate): boolean {
  if (identity.bootId !== null && identity.bootId === known.bootId) return true;
  if (isWithPstore(identity, known)) {
    // The panic was not printed, or not kept, on one side at least: two crashes come not so soon.
    return known.sharesVmcoreinfo || samePanic(identity, known) || known.isNear;
  }
  if (!known.sharesVmcoreinfo) return false;
  return known.sharesPath || known.sharesContent || namesHost(identity) || namesHost(known);
}

function isWithPstore(identity: CrashIdentity, known: Candidate): boolean {
  return identity.isOfPstore || known.isOfPstore;
}

function samePanic({ panicMark }: CrashIdentity, known: Candidate): boolean {
  return panicMark !== null && panicMark === known.panicMark;
}

/** Each part of a pstore record has a time of its own, after that of the dump or before it. */
function timesDiffer(identity: CrashIdentity, known: Candidate): boolean {
  const [a, b] = [identity.crashTimeSeconds, known.crashTimeSeconds];
  if (!isWithPstore(identity, known)) return differ(a, b);
  return a !== null && b !== null && Math.abs(a - b) > NEAR_SECONDS;
}

function namesHost({ nodename, pathHost }: CrashIdentity): boolean {
  return nodename !== null || pathHost !== null;
}

function closeness({ bootId, nodename }: CrashIdentity, known: Candidate): number {
  const isSameFile = known.sharesPath || known.sharesContent;
  const isSameBoot = bootId !== null && known.bootId === bootId;
  return (isSameFile ? 4 : 0) + (isSameBoot ? 2 : 0) + (known.nodename === nodename ? 1 : 0);
}

function differ<T>(one: T | null, other: T | null): boolean {
  return one !== null && other !== null && one !== other;
}

/**
 * The published id of a crash that is new to the ledger: a digest, so that it stays the same in a
 * new ledger, and does not reveal the boot id by which crashes are recognised.
 *
 * @param salt distinguishes crashes of which nothing else is known; '' at first.
 */
export function newCrashId(
  identity: Omit<CrashIdentity, 'panicMark' | 'isOfPstore'>,
  vmcoreinfoDigest: string,
  salt: string,
): string {
  const { bootId, crashTimeSeconds, nodename } = identity;
  const parts = ['crash', bootId ?? vmcoreinfoDigest, crashTimeSeconds, nodename, salt];
  return sha256(JSON.stringify(parts)).slice(0, 32);
}

/**
 * The SHA-256 of the text in UTF-8, in hexadecimal (FIPS 180-4). It loads node:crypto, an eighth of a decode,
 * which prints JSON without a digest where there is nothing to make one of.
 */
export function sha256(text: string): string {
  return process.getBuiltinModule('node:crypto').hash('sha256', text);
}
