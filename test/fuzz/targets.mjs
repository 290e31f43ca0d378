/**
 * What is fuzzed: the whole decoder, and each part of it that reads a format of its own. A target
 * takes bytes; whatever it throws beside VmcoreError is a finding, and so is a broken promise.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';

import { verdictOf } from '../support/dumps/verdict.ts';

const ORDERS = [
  { endian: 'little', wordBits: 64 },
  { endian: 'big', wordBits: 64 },
  { endian: 'little', wordBits: 32 },
  { endian: 'big', wordBits: 32 },
];
/** Where the memory of an `image` input begins; the addresses of its seeds are of this. */
const IMAGE_BASE = 0xffffffff81000000n;
// eslint-disable-next-line no-control-regex -- that there is none is the promise
const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
/** The dumps that the target `counts` damages. */
const DUMPS = new URL('corpus/dump/', import.meta.url);
/** The longest piece that it overwrites, bytes: a field, or the noise of one bad word. */
const MAX_DAMAGE = 8;
const PAGE_SIZES = [4096, 512, 65536];

/**
 * @param load imports a file of src/vmcore by its path there, without its extension.
 * @returns by name what to call with the bytes.
 */
export async function targets(load) {
  const { decodeVmcore, openVmcore, bytesSource, VmcoreError } = await load('index');
  const { DEFAULT_LIMITS: limits } = await load('limits');
  const { decompressPage, pageHead } = await load('codec/page-codec');
  const { decompressLzo1x } = await load('codec/lzo1x');
  const { flattened } = await load('container/flattened');
  const { CoreNotes } = await load('elf/core-notes');
  const { Vmcoreinfo } = await load('container/vmcoreinfo');
  const { VirtualMemory } = await load('memory/virtual-memory');
  const { Kallsyms } = await load('symbols/kallsyms');
  const { findInBtf } = await load('symbols/btf');
  const { vmlinux } = await load('symbols/vmlinux');
  const { systemMap } = await load('symbols/system-map');
  const { readLog } = await load('printk/log');
  const { readLogText } = await load('printk/text');
  const { logFindings } = await load('evidence/log-findings');
  const { panicLine } = await load('evidence/panic-line');
  const { PageMissing } = await load('errors');
  const { identifyKernel } = await load('running-kernel');

  const onlyOwnErrors = (run) => (data) => {
    try {
      run(data);
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
    }
  };

  /** The first byte chooses, the rest is the page. */
  const codec = (flags) =>
    onlyOwnErrors(([choice = 0, ...rest]) => {
      const size = PAGE_SIZES[choice % PAGE_SIZES.length];
      const stored = Uint8Array.from(rest);
      const page = attempt(() => decompressPage(flags, stored, size, 'page'));
      const head = pageHead(flags, stored, size);
      assert.ok(
        (head?.length ?? 0) <= Math.max(size, stored.length),
        'a head is no more than a page',
      );
      if (page === undefined) return;
      assert.equal(page.length, size);
      const seen = Math.min(40, head?.length ?? 0);
      assert.deepEqual(head?.slice(0, seen) ?? [], seen > 0 ? page.slice(0, seen) : []);
    });
  const attempt = (run) => {
    try {
      return run();
    } catch (error) {
      if (error instanceof VmcoreError) return undefined;
      throw error;
    }
  };

  /** VMCOREINFO up to the first NUL, then memory: what kallsyms, BTF and printk are read from. */
  const image = (run) =>
    onlyOwnErrors((data) => {
      const end = data.indexOf(0);
      if (end < 0) return;
      const [choice = 0] = data;
      const info = new Vmcoreinfo(new TextDecoder('latin1').decode(data.subarray(1, end)));
      const bytes = new Uint8Array(Math.ceil((data.length - end - 1) / 4096) * 4096);
      bytes.set(data.subarray(end + 1));
      const physical = {
        read(address, length) {
          const at = Number(address - IMAGE_BASE);
          if (at < 0 || at + length > bytes.length) {
            throw new PageMissing('page_excluded', 'image', 'is outside');
          }
          return bytes.subarray(at, at + length);
        },
        *findPages() {
          // no search in a piece of memory
        },
      };
      const memory = new VirtualMemory(physical, (address) => address, ORDERS[choice % 4]);
      run(memory, info, bytes);
    });

  /**
   * What no check can tell: the page of the array, which is the last thing that is read for it.
   */
  const untoldOf = (bytes) => {
    const reads = [];
    const dump = openVmcore(recorded(bytesSource(bytes), reads));
    const kernel = identifyKernel(dump, limits);
    const array = Kallsyms.open(kernel.vmcoreinfo, kernel.memory, limits).find('hwerr_data');
    const fresh = openVmcore(recorded(bytesSource(bytes), reads));
    reads.length = 0;
    fresh.memory.read(kernel.memory.place(array.address), 80);
    return reads.slice(-1);
  };
  const countedDumps = () =>
    readdirSync(DUMPS)
      .filter((name) => name.startsWith('seed-'))
      .sort()
      .map((name) => {
        const bytes = new Uint8Array(readFileSync(new URL(name, DUMPS)));
        return { bytes, truth: decodeVmcore(bytesSource(bytes)), untold: untoldOf(bytes) };
      });
  let dumps;

  return {
    /** Which dump, where in it, and what is written there: one damage never makes a wrong count. */
    counts: onlyOwnErrors((data) => {
      if (data.length < 6) return;
      dumps ??= countedDumps();
      const { bytes, truth, untold } = dumps[data[0] % dumps.length];
      const at = new DataView(data.buffer, data.byteOffset).getUint32(1) % bytes.length;
      const piece = data.subarray(5, 5 + Math.min(MAX_DAMAGE, bytes.length - at));
      const end = at + piece.length;
      if (untold.some(([start, length]) => at < start + length && end > start)) return;
      const damaged = bytes.slice();
      damaged.set(piece, at);
      const report = decodeVmcore(bytesSource(damaged));
      checkReport(report);
      const { hwerr, warnings } = report;
      assert.notEqual(
        verdictOf(report, truth, ['hwerr']),
        'silent',
        JSON.stringify({ hwerr, warnings }),
      );
    }),
    dump: onlyOwnErrors((data) => {
      checkReport(decodeVmcore(bytesSource(data)));
    }),
    'dump-btf': onlyOwnErrors((data) => {
      checkReport(decodeVmcore(bytesSource(data), { askBtf: true }));
    }),
    /** Two files one after the other, the first as long as its first four bytes say. */
    split: onlyOwnErrors((data) => {
      if (data.length < 4) return;
      const at = 4 + (new DataView(data.buffer, data.byteOffset).getUint32(0) % data.length);
      checkReport(
        decodeVmcore(
          [data.subarray(4, at), data.subarray(at)].map((b) => openVmcore(bytesSource(b))),
        ),
      );
    }),
    zlib: codec(0x01),
    lzo: codec(0x02),
    snappy: codec(0x04),
    zstd: codec(0x20),
    /** Any stream of LZO, a page or not, says the same whatever stands behind it in memory. */
    'lzo-stream': (data) => {
      const decoded = (bytes) => {
        try {
          return decompressLzo1x(bytes, 4096);
        } catch (error) {
          assert.ok(!(error instanceof RangeError || error instanceof TypeError), String(error));
          return undefined;
        }
      };
      const padded = new Uint8Array(data.length + 64).fill(0x55);
      padded.set(data);
      assert.deepEqual(decoded(padded.subarray(0, data.length)), decoded(data));
    },
    flattened: onlyOwnErrors((data) => {
      checkFlattened(flattened(bytesSource(data), limits), data);
    }),
    notes: onlyOwnErrors((data) => {
      const source = bytesSource(data);
      const [choice = 0] = data;
      const range = { offset: Math.min(1, data.length), length: Math.max(0, data.length - 1) };
      const notes = new CoreNotes(source, ORDERS[choice % 4], limits);
      notes.take(range);
      for (const text of notes.texts) {
        const info = Vmcoreinfo.parse(text);
        if (info !== undefined) for (const name of ['_stext', 'init_uts_ns']) info.symbol(name);
        info?.number('phys_base');
      }
    }),
    kallsyms: image((memory, info) => {
      const kallsyms = Kallsyms.open(info, memory, limits);
      for (const name of ['hwerr_data', '_stext', 'sysctl_bootid', 'no_such_symbol']) {
        const symbol = kallsyms.find(name, ['.llvm.', '.lto_priv.']);
        assert.ok(symbol === undefined || symbol.name.startsWith(name));
      }
    }),
    btf: image((memory) => {
      const wanted = { struct: 'hwerr_info', enum: 'hwerr_error_type' };
      const found = findInBtf(memory, IMAGE_BASE, wanted, limits);
      assert.ok(found === undefined || found.struct.members.size <= 256);
    }),
    printk: image((memory, vmcoreinfo) => {
      const log = readLog({ memory, vmcoreinfo }, { records: 256, bytes: 1 << 18 });
      const findings = logFindings(log, { pageSize: 4096 });
      const line = panicLine(log.records, findings.crash) ?? undefined;
      assert.ok(line === undefined || ([...line].length <= 512 && !CONTROL.test(line)));
      checkLog(log, line);
      checkFindings(findings, log.records);
    }),
    /** The first byte chooses the size of a page, the rest is a log as some tool of user space wrote it. */
    log: onlyOwnErrors((data) => {
      const pageSize = PAGE_SIZES[(data[0] ?? 0) % PAGE_SIZES.length];
      const { format: source, ...log } = readLogText(new TextDecoder().decode(data.subarray(1)));
      checkFindings(logFindings({ source, ...log }, { pageSize }), log.records);
      const records = log.records.map((record) => ({ ...record, facility: 1 }));
      const forged = logFindings({ source, records, truncated: false }, { pageSize });
      assert.deepEqual([forged.hardwareEvents, forged.crash], [[], null], 'nobody can forge it');
    }),
    vmlinux: onlyOwnErrors((data) => {
      const file = vmlinux(bytesSource(data), limits);
      for (const name of ['_stext', 'hwerr_data']) file.at(0x1000n).find(name, ['.llvm.']);
    }),
    'system-map': onlyOwnErrors((data) => {
      const file = systemMap(bytesSource(data), limits);
      for (const name of ['_stext', 'hwerr_data']) file.at(0x1000n).find(name, ['.llvm.']);
    }),
  };
}

function recorded(source, reads) {
  return {
    ...source,
    read(offset, length) {
      reads.push([offset, length]);
      return source.read(offset, length);
    },
  };
}

/** What every report promises: plain data, numbers in their ranges, text without control characters. */
function checkReport(report) {
  assert.deepEqual(JSON.parse(JSON.stringify(report)), structuredClone(report));
  const { hwerr, panicMessage, buildId, bootId } = report;
  if (hwerr.kind === 'present') {
    assert.ok(hwerr.categories.length >= 1 && hwerr.categories.length <= 64);
    for (const { category, count, lastErrorTimestampSeconds: time } of hwerr.categories) {
      assert.equal(typeof category, 'string');
      assert.ok(Number.isInteger(count) && count >= 0 && count < 2 ** 32);
      assert.ok(time === null || Number.isFinite(time));
    }
  }
  assert.ok(panicMessage === null || !CONTROL.test(panicMessage));
  assert.ok(buildId === null || /^[0-9a-f]{40}$/.test(buildId));
  assert.ok(bootId === null || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(bootId));
}

/** @param panic what is reported of the log: a line of the kernel's own, unless a limit hid it. */
function checkLog(log, panic) {
  assert.deepEqual(JSON.parse(JSON.stringify(log)), structuredClone(log));
  assert.ok(log.records.length <= 256);
  for (const { timeSeconds, facility, level, caller, device, text } of log.records) {
    assert.ok(timeSeconds === null || (timeSeconds >= 0 && Number.isFinite(timeSeconds)));
    assert.ok(facility === null || (facility >= 0 && facility <= 255));
    assert.ok(level === null || (level >= 0 && level <= 7));
    assert.ok(caller === null || /^[CT]\d+$/.test(caller));
    assert.ok(device === null || !CONTROL.test(device));
    assert.ok(text.split('\n').every((line) => !CONTROL.test(line)));
  }
  assert.ok(log.lost >= 0 && log.unreadable >= 0);
  const own = log.records.filter(({ facility }) => facility === 0);
  const told = panic === undefined || own.some(({ text }) => text.includes(panic));
  assert.ok(told || log.truncated, 'the panic line is in the log');
}

/** What is told of a log: numbers in their ranges, times of its records, text that is shown as it is. */
function checkFindings(findings, records) {
  assert.deepEqual(JSON.parse(JSON.stringify(findings)), structuredClone(findings));
  const { hardwareEvents, hardwareEventsOmitted, loggedErrors, previousBootRecords } = findings;
  assert.ok(hardwareEvents.length <= 1000 && hardwareEventsOmitted >= 0);
  assert.ok(previousBootRecords >= 0 && Number.isSafeInteger(previousBootRecords));
  const times = new Set(records.map(({ timeSeconds }) => timeSeconds));
  for (const { time, count } of hardwareEvents) {
    assert.ok(time === null || time === 0 || times.has(time), 'an event is of a line');
    assert.ok(Number.isSafeInteger(count) && count >= 0);
  }
  const counted = loggedErrors.reduce((sum, { events }) => sum + events, 0);
  assert.equal(counted, hardwareEvents.length + hardwareEventsOmitted);
  assert.ok(texts(findings).every((text) => !CONTROL.test(text)));
}

/** All strings in plain data. */
function texts(value) {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
}

/** Reads as a file written record by record would: what comes later in the stream wins. */
function checkFlattened(stream, data) {
  const size = Math.min(stream.size, 1 << 16);
  const file = new Uint8Array(size);
  const written = new Uint8Array(size);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  for (let at = 4096; at + 16 <= data.length;) {
    const [offset, length] = [view.getBigUint64(at), view.getBigUint64(at + 8)];
    if (offset + length > BigInt(Number.MAX_SAFE_INTEGER) || (offset === 0n && length === 0n))
      break;
    at += 16;
    const here = data.subarray(at, at + Number(length));
    if (offset < size) {
      const kept = here.subarray(0, size - Number(offset));
      file.set(kept, Number(offset));
      written.fill(1, Number(offset), Number(offset) + kept.length);
    }
    at += Number(length);
  }
  assert.deepEqual(stream.read(0, size), file);
  const step = Math.max(1, Math.floor(size / 64));
  for (let at = 0; at < size; at += step) {
    const length = Math.min(97, size - at);
    assert.deepEqual(stream.read(at, length), file.subarray(at, at + length));
    assert.equal(stream.contains(at, length), written.subarray(at, at + length).every(Boolean));
  }
}
