// VMCOREINFO: the kernel's description of itself for readers of its dump, as text.
// Source: kernel/vmcore_info.c and include/linux/vmcore_info.h; Documentation/admin-guide/kdump/
// vmcoreinfo.rst. The kernel's buffer is one page: a full one is cut, so a last line without a
// newline is ignored, and the architecture's keys and CRASHTIME, which come last, may be missing.

import { type VirtAddr, virtAddr } from '../bytes/units.ts';
import { cString } from '../bytes/text.ts';

/** 2^32 - 1: no crash of today is later than what 32 bits can say. */
const LATEST_CRASH = 0xffffffff;
/** Those that Linux can be built with. */
const PAGE_SIZES: ReadonlySet<number> = new Set([4, 8, 16, 32, 64, 256].map((kib) => kib << 10));

/**
 * The keys of one VMCOREINFO text. What is missing, or not of its form, is undefined where nothing
 * else is said; of a key that is there twice the last one counts.
 */
export class Vmcoreinfo {
  /** The text as it stands in the dump, up to the first NUL. */
  readonly text: string;
  readonly #values: ReadonlyMap<string, string>;

  constructor(text: string) {
    this.text = text;
    this.#values = parseLines(text);
  }

  /** @returns undefined when the bytes do not begin with the first key of every VMCOREINFO. */
  static parse(bytes: Uint8Array): Vmcoreinfo | undefined {
    const text = cString(bytes);
    return text.startsWith('OSRELEASE=') ? new Vmcoreinfo(text) : undefined;
  }

  /** A bare key, such as OSRELEASE. */
  value(key: string): string | undefined {
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** SYMBOL(name): a link-time address, already moved by KASLR. Hexadecimal without 0x. */
  symbol(name: string): VirtAddr | undefined {
    const value = parseHex(this.value(`SYMBOL(${name})`));
    return value === undefined ? undefined : virtAddr(value);
  }

  /** The names of all SYMBOL() keys, in their order. */
  symbolNames(): string[] {
    return [...this.#values.keys()].flatMap((key) => /^SYMBOL\((\w+)\)$/.exec(key)?.[1] ?? []);
  }

  /** NUMBER(name): decimal and signed, or hexadecimal with 0x where an architecture prefers it. */
  number(name: string): bigint | undefined {
    const text = this.value(`NUMBER(${name})`);
    if (text === undefined || !/^(-?\d+|0x[0-9a-f]+)$/i.test(text)) return undefined;
    return BigInt(text);
  }

  /** OFFSET(struct.member), in bytes. */
  offset(member: string): number | undefined {
    return parseSmall(this.value(`OFFSET(${member})`));
  }

  /** SIZE(struct), in bytes. */
  size(struct: string): number | undefined {
    return parseSmall(this.value(`SIZE(${struct})`));
  }

  /** LENGTH(name), in elements: of an array. */
  length(name: string): number | undefined {
    return parseSmall(this.value(`LENGTH(${name})`));
  }

  /** KERNELOFFSET and its like: bare keys in hexadecimal without 0x. */
  hexValue(key: string): bigint | undefined {
    return parseHex(this.value(key));
  }

  /**
   * CRASHTIME: Unix seconds. Written by the crash itself, so absent from a live guest's dump; undefined
   * too where it is after the year 2106, which one flipped bit of a digit can make of it.
   */
  get crashTimeSeconds(): number | undefined {
    const seconds = parseSmall(this.value('CRASHTIME'));
    return seconds === undefined || seconds > LATEST_CRASH ? undefined : seconds;
  }

  /**
   * The set of lines that have a value, sorted. Copies of one VMCOREINFO differ in their padding, and a
   * dump may repeat a line: neither changes it.
   */
  lineSet(): string {
    const lines = this.text
      .split('\n')
      .map((line) => line.replaceAll('\0', '').trim())
      .filter((line) => line.includes('='));
    return [...new Set(lines)].sort().join('\n');
  }

  /** PAGESIZE: bytes of a page; 4096 where it says nothing that a page could have. */
  get pageSize(): number {
    const size = parseSmall(this.value('PAGESIZE')) ?? 0;
    return PAGE_SIZES.has(size) ? size : 4096;
  }

  get osRelease(): string {
    return this.value('OSRELEASE') ?? '';
  }

  /** The vmlinux build id, 40 hexadecimal digits. Some stable kernels wrote garbage here. */
  get buildId(): string | undefined {
    const id = this.value('BUILD-ID');
    return id !== undefined && /^[0-9a-f]{40}$/.test(id) ? id : undefined;
  }
}

function parseLines(text: string): Map<string, string> {
  const values = new Map<string, string>();
  const lines = text.split('\n');
  lines.pop(); // what follows the last newline: nothing, or a line that was cut
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
