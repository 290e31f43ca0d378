import { describe, expect, it } from 'vitest';

import { recordPlaces } from '../../../src/vmcore/printk/legacy-places.ts';
import { BYTE_ORDERS, ByteWriter, LE64, orderName } from '../../support/builders/bytes.ts';

const LAYOUT = { size: 16, length: 8, textLength: 10, dictLength: 12 };

/** Records with texts of these lengths, one behind the other. */
function chain(lengths: readonly number[], order = LE64): Uint8Array {
  const out = new ByteWriter(order);
  for (const text of lengths) {
    const length = Math.ceil((16 + text) / 4) * 4;
    out.u64(1).u16(length).u16(text).u32(0).text('x'.repeat(text)).align(4);
  }
  return out.toBytes();
}

const placesOf = (
  bytes: Uint8Array,
  { startsRecord = true, wrapsFrom }: { startsRecord?: boolean; wrapsFrom?: number } = {},
  order = LE64,
): (number | 'gap')[] => recordPlaces({ bytes, startsRecord, wrapsFrom }, LAYOUT, order);

const LENGTHS = [4, 9, 0, 30, 8];
const PLACES = [0, 20, 48, 64, 112];

describe('places of records', () => {
  it.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
    'lie one behind the other to the end: %s',
    (_, order) => {
      expect(placesOf(chain(LENGTHS, order), {}, order)).toEqual(PLACES);
    },
  );

  it('end at an empty header, where the next record did not fit, and nowhere before', () => {
    const bytes = new ByteWriter().bytes(chain(LENGTHS)).zeros(40).toBytes();
    expect(placesOf(bytes, { wrapsFrom: 100 })).toEqual(PLACES);
    expect(placesOf(bytes, { wrapsFrom: 140 })).toEqual([...PLACES, 'gap']);
    expect(placesOf(bytes)).toEqual([...PLACES, 'gap']);
  });

  it('are taken up again behind a hole', () => {
    const bytes = chain(LENGTHS).fill(0, 20, 64);
    expect(placesOf(bytes)).toEqual([0, 'gap', 64, 112]);
  });

  it('are found from the middle of a record on', () => {
    expect(placesOf(chain(LENGTHS).subarray(4), { startsRecord: false })).toEqual([
      16, 44, 60, 108,
    ]);
  });

  it('are none in what leads nowhere', () => {
    expect(placesOf(chain(LENGTHS).subarray(4, 116), { startsRecord: false })).toEqual([]);
    expect(placesOf(new Uint8Array(256).fill(0x55))).toEqual(['gap']);
    expect(placesOf(new Uint8Array())).toEqual([]);
  });
});
