import { describe, expect, it } from 'vitest';

import { virtAddr } from '../../../src/vmcore/bytes/units.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../src/vmcore/limits.ts';
import { findInBtf } from '../../../src/vmcore/symbols/btf.ts';
import { BYTE_ORDERS, LE64, orderName, withU32 } from '../../support/builders/bytes.ts';
import {
  type BtfRecipe,
  type BtfType,
  btf,
  hwerrTypes,
} from '../../support/builders/btf-builder.ts';
import { SparseMemory, identityMapped } from '../../support/builders/sparse-memory.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const AT = 0x10000n;
const WANTED = { struct: 'hwerr_info', enum: 'hwerr_error_type' };

function findIn(
  bytes: Uint8Array,
  order = LE64,
  limits: Limits = DEFAULT_LIMITS,
): ReturnType<typeof findInBtf> {
  const memory = new SparseMemory().write(AT, bytes);
  return findInBtf(identityMapped(memory, order), virtAddr(AT), WANTED, limits);
}

const find = (types: readonly BtfType[], more: Partial<BtfRecipe> = {}) =>
  findIn(btf({ types, ...more }));

const members = (found: ReturnType<typeof findInBtf>) =>
  Object.fromEntries(found?.struct.members ?? []);
const KNOWN = { count: 0, timestamp: 8 };

describe.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
  'findInBtf of a %s kernel',
  (_, order) => {
    it.each([24, 32])('finds struct and enum behind a header of %i bytes', (headerBytes) => {
      const found = findIn(btf({ types: hwerrTypes(), headerBytes }, order), order);
      expect(found?.struct.size).toBe(16);
      expect(members(found)).toEqual(KNOWN);
      expect([...(found?.enum ?? [])]).toEqual([
        ['HWERR_RECOV_CPU', 0],
        ['HWERR_RECOV_MEMORY', 1],
        ['HWERR_RECOV_PCI', 2],
        ['HWERR_RECOV_CXL', 3],
        ['HWERR_RECOV_OTHERS', 4],
        ['HWERR_RECOV_MAX', 5],
      ]);
    });
  },
);

/** Every kind, with the bytes that stand behind struct btf_type (include/uapi/linux/btf.h). */
const KINDS: readonly (readonly [string, number, number, number])[] = [
  ['INT', 1, 0, 4],
  ['PTR', 2, 0, 0],
  ['ARRAY', 3, 0, 12],
  ['UNION', 5, 3, 36],
  ['FWD', 7, 0, 0],
  ['TYPEDEF', 8, 0, 0],
  ['VOLATILE', 9, 0, 0],
  ['CONST', 10, 0, 0],
  ['RESTRICT', 11, 0, 0],
  ['FUNC', 12, 1, 0], // vlen is its linkage
  ['FUNC_PROTO', 13, 5, 40],
  ['VAR', 14, 0, 4],
  ['DATASEC', 15, 2, 24],
  ['FLOAT', 16, 0, 0],
  ['DECL_TAG', 17, 0, 4],
  ['TYPE_TAG', 18, 0, 0],
  ['ENUM64', 19, 2, 24],
  ['ENUM', 6, 3, 24],
  ['STRUCT', 4, 3, 36],
];

describe('findInBtf', () => {
  it.each(KINDS)('steps over a type of kind %s', (_, number, vlen, bytes) => {
    const other: BtfType = { kind: 'raw', number, vlen, bytes };
    expect(members(find([other, ...hwerrTypes()]))).toEqual(KNOWN);
    expect(members(find([other, other, ...hwerrTypes()]))).toEqual(KNOWN);
  });

  it('finds types and names far behind the first run', () => {
    const many = Array.from({ length: 9000 }, (): BtfType => ({ kind: 'array' }));
    expect(members(find([...many, ...hwerrTypes()], { padding: 200_000 }))).toEqual(KNOWN);
  });

  it('finds a name wherever the border of two runs cuts it', () => {
    // The names take some 200 bytes behind the padding: each is cut at each of its letters once.
    for (let padding = 65536 - 240; padding <= 65536; padding++) {
      expect(members(find(hwerrTypes(), { padding }))).toEqual(KNOWN);
    }
  });

  it('takes a type of another kind with that name for none', () => {
    const union: BtfType = { kind: 'union', name: 'hwerr_info', size: 16, members: { x: 0 } };
    const [, , , constants] = hwerrTypes();
    expect(find([union, constants!])).toBeUndefined();
  });

  it('takes a longer name for another', () => {
    const [, , , constants] = hwerrTypes();
    const longer: BtfType = { kind: 'struct', name: 'hwerr_info2', size: 16, members: KNOWN };
    expect(find([longer, constants!])).toBeUndefined();
  });

  it('gives undefined where either is missing, and for no types at all', () => {
    const types = hwerrTypes();
    expect(find(types.slice(0, 4))).toBeUndefined();
    expect(find(types.filter(({ kind }) => kind !== 'enum'))).toBeUndefined();
    expect(find([])).toBeUndefined();
  });

  it('throws Corrupt for a kind that is not known: the types behind it cannot be reached', () => {
    const error = thrownBy(() =>
      find([{ kind: 'raw', number: 31, vlen: 0, bytes: 4 }, ...hwerrTypes()]),
    );
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
    expect(error.message).toContain('got unknown kind 31');
  });

  it('throws Corrupt for another magic', () => {
    expect(thrownBy(() => find(hwerrTypes(), { magic: 0x9feb })).message).toContain(
      'btf header: magic',
    );
  });

  it.each([
    ['type_len', 12],
    ['str_len', 20],
  ])('throws LimitExceeded when %s is too large', (field, offset) => {
    const error = thrownBy(() => findIn(withU32(btf({ types: hwerrTypes() }), offset, 0x7fffffff)));
    expect(error.tag).toBe('LimitExceeded');
    expect(error.message).toContain(`btf: ${field}`);
  });

  it('throws Corrupt when a name lies outside the strings', () => {
    const bytes = btf({ types: hwerrTypes() });
    const memberNames = bytes.length - findStrings(bytes);
    const broken = withU32(bytes, memberNames - 24, 0x00ffffff);
    expect(thrownBy(() => findIn(broken)).message).toContain('btf strings: got offset 16777215');
  });

  it('throws PageMissing when part of it is not in the dump', () => {
    const bytes = withU32(btf({ types: hwerrTypes() }), 20, 20_000);
    const nameless = withU32(bytes, 16, 8192);
    expect(thrownBy(() => findIn(nameless)).reason).toBe('page_excluded');
  });
});

/** Length of the string section. */
function findStrings(bytes: Uint8Array): number {
  return new DataView(bytes.buffer).getUint32(20, true);
}
