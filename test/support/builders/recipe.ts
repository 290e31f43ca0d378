// A dump as a recipe that fits in a small JSON file: a tiny kernel, the container it is put in, and
// what is then broken. Places have names, so that no recipe needs to know an offset.

import { fromHex, patched } from './bytes.ts';
import { flatten } from './flattened-builder.ts';
import type { ElfRecipe } from './elf-core-builder.ts';
import type { KdumpRecipe } from './kdump-builder.ts';
import {
  type BuiltKernel,
  type DumpOptions,
  type KernelPlace,
  type KernelRecipe,
  elfDumpOf,
  kdumpOf,
  kernel,
  withMemory,
} from './kernel-builder.ts';

type JsonOptions = DumpOptions &
  Partial<Pick<ElfRecipe, 'type' | 'machine' | 'flags' | 'extendedNumbering'>>;

type KdumpJsonOptions = DumpOptions & { readonly lost?: readonly KernelPlace[] } & Partial<
    Pick<
      KdumpRecipe,
      | 'codec'
      | 'blockSize'
      | 'version'
      | 'bitmaps'
      | 'status'
      | 'split'
      | 'machine'
      | 'nodename'
      | 'release'
    >
  >;

export interface DumpRecipe {
  /** The file itself, in hexadecimal; nothing else is then needed. */
  readonly hex?: string;
  readonly kernel?: Omit<KernelRecipe, 'physical' | 'bootId' | 'editVmcoreinfo'>;
  /** Lines of VMCOREINFO: a new value, or null to leave one out. */
  readonly vmcoreinfo?: Readonly<Record<string, string | null>>;
  /** Bytes of the kernel's memory, by place or kallsyms label, `+ n` bytes on: hexadecimal. */
  readonly memory?: Readonly<Record<string, string>>;
  readonly elf?: JsonOptions;
  readonly kdump?: KdumpJsonOptions;
  /** Bytes of the file, by offset or, in kdump, by field: hexadecimal. */
  readonly patch?: Readonly<Record<string, string>>;
  /** Whether the file then becomes a flattened stream. */
  readonly flattened?: boolean;
  /** Bytes kept of the file; negative: left off its end. */
  readonly cut?: number;
}

/** What a recipe may say: a misspelt word would silently break nothing. */
const WORDS = [
  'hex',
  'kernel',
  'vmcoreinfo',
  'memory',
  'elf',
  'kdump',
  'patch',
  'flattened',
  'cut',
];

export function dumpOf(recipe: DumpRecipe): Uint8Array {
  const unknown = Object.keys(recipe).filter((word) => !WORDS.includes(word));
  if (unknown.length > 0) throw new Error(`recipe: unknown ${unknown.join(', ')}`);
  const { bytes, places } = container(recipe);
  const broken = patchedAt(bytes, places, recipe.patch ?? {});
  const file = recipe.flattened ? flatten(broken) : broken;
  return recipe.cut === undefined ? file : file.subarray(0, recipe.cut);
}

interface Placed {
  readonly bytes: Uint8Array;
  readonly places: Readonly<Record<string, number>>;
}

function container(recipe: DumpRecipe): Placed {
  if (recipe.hex !== undefined) return { bytes: fromHex(recipe.hex), places: {} };
  const built = brokenKernel(recipe);
  if (recipe.elf) return { bytes: elfDumpOf(built, recipe.elf), places: {} };
  const { blockSize = 4096 } = recipe.kdump ?? {};
  const { bytes, places } = kdumpOf(built, recipe.kdump ?? {});
  const named = { ...places };
  for (const place of ['text', 'utsname', 'bootId', 'array', 'vmcoreinfo', 'kallsyms'] as const) {
    const pfn = Number(built.at(place)) / blockSize;
    for (const part of ['descriptor', 'page']) {
      const at = places[`${part}:${pfn}`];
      if (at !== undefined) named[`${part}:${place}`] = at;
    }
  }
  return { bytes, places: named };
}

function brokenKernel({
  kernel: recipe = {},
  vmcoreinfo = {},
  memory = {},
}: DumpRecipe): BuiltKernel {
  const editVmcoreinfo = (text: string): string =>
    text
      .split('\n')
      .map((line) => [line, vmcoreinfo[line.replace(/=.*/, '')]] as const)
      .filter(([, value]) => value !== null)
      .map(([line, value]) => (value === undefined ? line : line.replace(/=.*/, `=${value}`)))
      .join('\n');
  let built = kernel({ fillers: 300, ...recipe, editVmcoreinfo });
  for (const [where, hex] of Object.entries(memory)) {
    const [name, offset] = split(where);
    const label = built.kallsyms.labels[name];
    const at = label === undefined ? built.at(name as KernelPlace) : built.physicalOf(label);
    built = withMemory(built, at + BigInt(offset), fromHex(hex));
  }
  return built;
}

function patchedAt(
  bytes: Uint8Array,
  places: Placed['places'],
  patch: NonNullable<DumpRecipe['patch']>,
): Uint8Array {
  return Object.entries(patch).reduce((file, [where, hex]) => {
    const [name, offset] = split(where);
    const at = places[name] ?? Number(name);
    if (!Number.isInteger(at)) throw new Error(`recipe: no place ${name}`);
    return patched(file, at + offset, fromHex(hex));
  }, bytes);
}

/** `name + 8` as name and number. */
function split(where: string): [string, number] {
  const [name = '', offset = '0'] = where.split('+').map((part) => part.trim());
  return [name, Number(offset)];
}
