// Any number of different crashes out of one real dump: an uncompressed file with the boot id, the
// counters, the time of the crash and the host's name written over.

export interface CrashSpec {
  /** Makes the boot id; 0 leaves no boot id. */
  readonly boot: number;
  readonly host?: string;
  /** Errors of category pci; the file's own is 7. */
  readonly pci?: number;
  /** Unix seconds. */
  readonly crashTime?: number;
}

/** CRASHTIME of the fixtures, and the time of their last pci error. */
const CRASH_TIME = 1791000351;
const PCI_TIME = 1791000342;
const BOOT_ID = Buffer.from('04bb2f2f62b44486876dd8be7859e9db', 'hex');

function bootIdOf(boot: number): string {
  const hex = boot.toString(16).padStart(12, '0');
  return `00000000-0000-4000-8000-${hex}`;
}

/** @param template x86_64-7.3.4.elf or .raw; copied. */
export function crashDump(template: Buffer, spec: CrashSpec): Buffer {
  const bytes = Buffer.from(template);
  const { boot, host, pci = 7, crashTime = CRASH_TIME } = spec;
  const bootId =
    boot === 0 ? Buffer.alloc(16) : Buffer.from(bootIdOf(boot).replaceAll('-', ''), 'hex');
  replaceAll(bytes, BOOT_ID, bootId);
  replaceAll(bytes, hwerrEntry(7), hwerrEntry(pci));
  replaceAll(bytes, Buffer.from(`CRASHTIME=${CRASH_TIME}`), Buffer.from(`CRASHTIME=${crashTime}`));
  if (host !== undefined) {
    if (host.length !== 7) throw new Error(`${host}: want a host name of 7 letters`);
    replaceAll(bytes, Buffer.from('labhost\0'), Buffer.from(`${host}\0`));
  }
  return bytes;
}

function hwerrEntry(count: number): Buffer {
  const entry = Buffer.alloc(16);
  entry.writeUInt32LE(count, 0);
  entry.writeBigUInt64LE(BigInt(PCI_TIME), 8);
  return entry;
}

function replaceAll(bytes: Buffer, from: Buffer, to: Buffer): void {
  let found = 0;
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + to.length)) {
    to.copy(bytes, at);
    found++;
  }
  if (found === 0) throw new Error(`nothing to replace: ${from.toString('latin1')}`);
}
