import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { systemMap } from '../../../src/vmcore/symbols/system-map.ts';
import { bytesOf } from '../../support/builders/bytes.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const TEXT = [
  '0000000000000000 A __per_cpu_start',
  'ffffffff81000000 T _stext',
  'ffffffff81000000 T _text',
  'ffffffff82000000 D hwerr_data_lock',
  'ffffffff82000040 D hwerr_data',
  'ffffffff82000040 D hwerr_alias',
  'ffffffff82000090 D next',
  'ffffffff82000100 d static.lto_priv.0',
  'ffffffff82000200 B _end',
  '',
].join('\n');

const open = (text: string) => systemMap(bytesSource(bytesOf(text)), DEFAULT_LIMITS);

describe('systemMap', () => {
  it('finds a symbol, and its size up to the next higher address', () => {
    expect(open(TEXT).at(0n).find('hwerr_data')).toEqual({
      name: 'hwerr_data',
      address: 0xffffffff82000040n,
      size: 0x50n,
    });
  });

  it('moves every symbol by the shift, and no size', () => {
    const symbols = open(TEXT).at(0x1a200000n);
    expect(symbols.kind).toBe('system-map');
    expect(symbols.find('hwerr_data')).toMatchObject({ address: 0xffffffff9c200040n, size: 0x50n });
    expect(open(TEXT).at(-0x1000n).find('_stext')?.address).toBe(0xffffffff80fff000n);
  });

  it('takes the first symbol and the last, which has no size', () => {
    expect(open(TEXT).linkAddress('__per_cpu_start')).toBe(0n);
    expect(open(TEXT).at(0n).find('_end')).toMatchObject({ size: undefined });
    expect(open(TEXT.trimEnd()).linkAddress('_end')).toBe(0xffffffff82000200n);
  });

  it('takes a name with a suffix of link-time optimisation for want of the whole name', () => {
    const symbols = open(TEXT).at(0n);
    expect(symbols.find('static', ['.llvm.', '.lto_priv.'])?.name).toBe('static.lto_priv.0');
    expect(symbols.find('static')).toBeUndefined();
    expect(symbols.find('hwerr_data', ['.lto_priv.'])?.name).toBe('hwerr_data');
  });

  it.each(['hwerr', 'data', 'nex', '', 'ffffffff82000040'])('has no symbol called %j', (name) => {
    expect(open(TEXT).linkAddress(name)).toBeUndefined();
  });

  it('reads 32-bit addresses', () => {
    const text = 'c0008000 T _stext\nc1000000 D hwerr_data\nc1000050 D next\n';
    expect(open(text).at(0n).find('hwerr_data')).toMatchObject({ address: 0xc1000000n, size: 80n });
  });

  it.each([
    [
      'a stub of Debian',
      'ffffffffffffffff B The real System.map is in the linux-image-dbg package\n',
    ],
    ['nothing', ''],
    ['a line without a type', 'ffffffff82000040 hwerr_data\n'],
    ['a line that is no address', 'not-an-address D hwerr_data\n'],
    ['bytes', '\xff\xfe D hwerr_data\n'],
  ])('has no symbols in %s', (_, text) => {
    expect(open(text).linkAddress('hwerr_data')).toBeUndefined();
  });

  it('throws LimitExceeded before it reads a file that is too large', () => {
    const limits = { ...DEFAULT_LIMITS, symbolFileBytes: 100 };
    const source = { ...bytesSource(bytesOf(TEXT)), read: () => expect.unreachable('read') };
    expect(thrownBy(() => systemMap(source, limits)).tag).toBe('LimitExceeded');
  });
});
