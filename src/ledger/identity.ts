// Which known crash a report describes. Pure.
//
// Two reports are of different crashes if both have an identifier (boot id, crash time, host name) and the
// values differ. Clones of one VM snapshot share a boot id and crash on different hosts or at different
// times. The host in the path (--central.host-pattern) is also an identifier, unless both files have the same
// content: a copy may be anywhere.
//
// An identifier that one report lacks contradicts nothing: a truncated dump has lost the page with the boot
// id and often the host name. Then an equal boot id proves that two reports are of one crash. So does an
// equal VMCOREINFO (it contains the second of the crash and, with KASLR, the kernel's random address) if at
// least one report has its host. If neither has, hosts with the same kernel image and no KASLR may have
// crashed in the same second: then only an equal path or content proves it.
//
// A pstore record has neither boot id nor VMCOREINFO. It belongs to the crash with the same panic line at the
// same microsecond since boot; if a log lacks these, to the crash of the same host within a minute.

/** The identifiers of a crash; null: not in the file. */
export interface CrashIdentity {
  readonly bootId: string | null;
  /** Unix seconds, by the clock of the crashed kernel. */
  readonly crashTimeSeconds: number | null;
  /** As cleaned by hostName(). */
  readonly nodename: string | null;
  /** The host in the path. */
  readonly pathHost: string | null;
  /** Digest of the panic line and its time since boot. */
  readonly panicDigest: string | null;
  /** There is no dump, only a pstore record. */
  readonly isOfPstore: boolean;
}

/** Maximum difference between the times of one crash in pstore and in a dump, and between parts of a record. */
export const NEAR_SECONDS = 60;

/** A recorded crash that may be the one of a report. */
export interface Candidate extends CrashIdentity {
  readonly sequence: number;
  readonly sharesVmcoreinfo: boolean;
  /** One of its files has the same path as the reported file. */
  readonly sharesPath: boolean;
  /** One of its files has the same content as the reported file. */
  readonly sharesContent: boolean;
  /** It is of the same host and at most NEAR_SECONDS away. */
  readonly isNear: boolean;
}

/**
 * Returns the crash among `candidates` that the file describes; undefined if none is.
 *
 * If several are possible, prefers the same file, then the same boot, then the same host, then the one
 * recorded first: a report that fits two known crashes must not become a third.
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
    (isWithPstore(identity, known) && differ(identity.panicDigest, known.panicDigest)) ||
    differ(identity.nodename, known.nodename) ||
    (differ(identity.pathHost, known.pathHost) && !known.sharesContent)
  );
}

function isProven(identity: CrashIdentity, known: Candidate): boolean {
  if (identity.bootId !== null && identity.bootId === known.bootId) return true;
  if (isWithPstore(identity, known)) {
    // At least one of them lacks the panic line. Two crashes do not follow each other within a minute.
    return known.sharesVmcoreinfo || samePanic(identity, known) || known.isNear;
  }
  if (!known.sharesVmcoreinfo) return false;
  return known.sharesPath || known.sharesContent || namesHost(identity) || namesHost(known);
}

function isWithPstore(identity: CrashIdentity, known: Candidate): boolean {
  return identity.isOfPstore || known.isOfPstore;
}

function samePanic({ panicDigest }: CrashIdentity, known: Candidate): boolean {
  return panicDigest !== null && panicDigest === known.panicDigest;
}

/** Each part of a pstore record has its own time, before or after that of the dump. */
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
 * Returns the published id of a new crash. It is a digest, so that it is the same in a new ledger and does
 * not reveal the boot id, by which crashes are recognised.
 *
 * @param salt distinguishes crashes with otherwise equal identifiers; '' at first.
 */
export function newCrashId(
  identity: Omit<CrashIdentity, 'panicDigest' | 'isOfPstore'>,
  vmcoreinfoDigest: string,
  salt: string,
): string {
  const { bootId, crashTimeSeconds, nodename } = identity;
  const parts = ['crash', bootId ?? vmcoreinfoDigest, crashTimeSeconds, nodename, salt];
  return sha256(JSON.stringify(parts)).slice(0, 32);
}

/**
 * Returns the SHA-256 of a UTF-8 text in hexadecimal (FIPS 180-4). Loads node:crypto on demand: it takes an
 * eighth of the time of `decode`, which does not need it if there is nothing to digest.
 */
export function sha256(text: string): string {
  return process.getBuiltinModule('node:crypto').hash('sha256', text);
}
