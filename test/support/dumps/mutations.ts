// Damage to a dump, the same in every run: bits flipped, fields overwritten, runs of noise.

/** Numbers in [0, 1) from a 32-bit seed: mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A damaged copy, and what was done to it: `flip at 0x1f` repeats it without the random numbers. */
export interface Mutant {
  readonly bytes: Uint8Array;
  readonly what: string;
  readonly offset: number;
  readonly length: number;
}

/** Numbers at which a field is likely to be mishandled. */
const EDGES = [
  ...[0n, 1n, 2n, 0xffn, 0xffffn, 4096n, 65536n],
  ...[2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n],
  ...[2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n],
];

/** `count` copies of `original`, each damaged at one place in its first `span` bytes. */
export function* mutants(
  original: Uint8Array,
  { seed, count, span }: { seed: number; count: number; span: number },
): Generator<Mutant> {
  const random = randomNumbers(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let n = 0; n < count; n++) {
    const bytes = original.slice();
    const view = new DataView(bytes.buffer);
    const at = below(Math.min(span, bytes.length));
    const mutant = (kind: string, offset: number, length: number): Mutant => ({
      bytes,
      what: `seed ${seed} #${n}: ${kind} at 0x${offset.toString(16)}`,
      offset,
      length,
    });
    switch (below(4)) {
      case 0: {
        bytes[at]! ^= 1 << below(8);
        yield mutant('flip', at, 1);
        break;
      }
      case 1: {
        const offset = Math.min(at - (at % 4), bytes.length - 4);
        const edge = EDGES[below(EDGES.length)]!;
        view.setUint32(offset, Number(BigInt.asUintN(32, edge)), random() < 0.5);
        yield mutant(`u32 ${edge}`, offset, 4);
        break;
      }
      case 2: {
        const offset = Math.min(at - (at % 8), bytes.length - 8);
        const edge = EDGES[below(EDGES.length)]!;
        view.setBigUint64(offset, edge, random() < 0.5);
        yield mutant(`u64 ${edge}`, offset, 8);
        break;
      }
      default: {
        const length = Math.min(1 + below(64), bytes.length - at);
        for (let i = 0; i < length; i++) bytes[at + i] = below(256);
        yield mutant(`${length} bytes of noise`, at, length);
      }
    }
  }
}
