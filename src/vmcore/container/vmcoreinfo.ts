// VMCOREINFO: the kernel's description of itself for readers of its dump, as text. Source:
// kernel/vmcore_info.c and include/linux/vmcore_info.h; Documentation/admin-guide/kdump/vmcoreinfo.rst. The
// kernel's buffer is one page; text beyond it is cut off, so a last line without a newline is ignored, and
// the last keys (the architecture's and CRASHTIME) may be missing.

import { type VirtAddr, virtAddr } from '../bytes/units.ts';
import { cString } from '../bytes/text.ts';

/** 2^32 - 1: a plausible crash time fits in 32 bits. */
const LATEST_CRASH = 0xffffffff;
/** Page sizes that Linux can be built with. */
const PAGE_SIZES: ReadonlySet<number> = new Set([4, 8, 16, 32, 64, 256].map((kib) => kib << 10));

/**
 * The keys of a VMCOREINFO text. Unless stated otherwise, a missing or malformed value is undefined; of a
 * repeated key the last value counts.
 */
export class Vmcoreinfo {
  /** The text in the dump, up to the first NUL. */
  readonly text: string;
  readonly #values: ReadonlyMap<string, string>;

  constructor(text: string) {
    this.text = text;
    this.#values = parseLines(text);
  }

  /** @returns undefined if the bytes do not begin with OSRELEASE=, the first key of every VMCOREINFO. */
  static parse(bytes: Uint8Array): Vmcoreinfo | undefined {
    const text = cString(bytes);
    return text.startsWith('OSRELEASE=') ? new Vmcoreinfo(text) : undefined;
  }

  /** Returns the value of a bare key, such as OSRELEASE. */
  value(key: string): string | undefined {
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** Returns SYMBOL(name): the address after KASLR, in hexadecimal without 0x. */
  symbol(name: string): VirtAddr | undefined {
    const value = parseHex(this.value(`SYMBOL(${name})`));
    return value === undefined ? undefined : virtAddr(value);
  }

  /** Returns the names of all SYMBOL() keys, in order. */
  symbolNames(): string[] {
    return [...this.#values.keys()].flatMap((key) => /^SYMBOL\((\w+)\)$/.exec(key)?.[1] ?? []);
  }

  /** Returns NUMBER(name): signed decimal, or hexadecimal with 0x on some architectures. */
  number(name: string): bigint | undefined {
    const text = this.value(`NUMBER(${name})`);
    if (text === undefined || !/^(-?\d+|0x[0-9a-f]+)$/i.test(text)) return undefined;
    return BigInt(text);
  }

  /** Returns OFFSET(struct.member), bytes. */
  offset(member: string): number | undefined {
    return parseSmall(this.value(`OFFSET(${member})`));
  }

  /** Returns SIZE(struct), bytes. */
  size(struct: string): number | undefined {
    return parseSmall(this.value(`SIZE(${struct})`));
  }

  /** Returns LENGTH(name), the number of elements of an array. */
  length(name: string): number | undefined {
    return parseSmall(this.value(`LENGTH(${name})`));
  }

  /** Returns a bare key in hexadecimal without 0x, such as KERNELOFFSET. */
  hexValue(key: string): bigint | undefined {
    return parseHex(this.value(key));
  }

  /**
   * CRASHTIME in Unix seconds. Written during a crash, so dumps of running guests lack it; also undefined
   * after the year 2106, which a single flipped bit in a digit can cause.
   */
  get crashTimeSeconds(): number | undefined {
    const seconds = parseSmall(this.value('CRASHTIME'));
    return seconds === undefined || seconds > LATEST_CRASH ? undefined : seconds;
  }

  /**
   * Returns the distinct lines with a value, sorted. Copies of one VMCOREINFO may differ in padding and
   * repeated lines, which do not change the result.
   */
  lineSet(): string {
    const lines = this.text
      .split('\n')
      .map((line) => line.replaceAll('\0', '').trim())
      .filter((line) => line.includes('='));
    return [...new Set(lines)].sort().join('\n');
  }

  /** PAGESIZE in bytes; 4096 if it is missing or not a valid page size. */
  get pageSize(): number {
    const size = parseSmall(this.value('PAGESIZE')) ?? 0;
    return PAGE_SIZES.has(size) ? size : 4096;
  }

  get osRelease(): string {
    return this.value('OSRELEASE') ?? '';
  }

  /** The vmlinux build id, 40 hexadecimal digits; undefined if invalid, as in some stable kernels. */
  get buildId(): string | undefined {
    const id = this.value('BUILD-ID');
    return id !== undefined && /^[0-9a-f]{40}$/.test(id) ? id : undefined;
  }
}

function parseLines(text: string): Map<string, string> {
  const values = new Map<string, string>();
  const lines = text.split('\n');
  lines.pop(); // the text after the last newline: empty, or a truncated line
  for (const line of lines) {
    const equals = line.indexOf('=');
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1));
  }
  return values;
}

function parseHex(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[0-9a-f]{1,16}$/i.test(text) ? BigInt(`0x${text}`) : undefined;
}

function parseSmall(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined;
  return Number(text);
}
