/** A real dump by name: the committed one, or the one beside the checkout. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { sharedVmcores } from './shared-vmcores.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));

/** undefined where neither is. */
export function sampleDump(name: string): string | undefined {
  return [FIXTURES, sharedVmcores() ?? FIXTURES]
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

/** A copy of an uncompressed dump whose kernel called its host something else; Latin-1, at most 64. */
export function withNodename(dump: string, nodename: string): Uint8Array {
  const bytes = readFileSync(dump);
  const sysname = Buffer.from('Linux\0', 'latin1');
  let patched = 0;
  // struct new_utsname: sysname[65], nodename[65], …
  for (let at = bytes.indexOf(sysname); at >= 0; at = bytes.indexOf(sysname, at + 1)) {
    if (bytes.toString('latin1', at + 65, at + 73) !== 'labhost\0') continue;
    bytes.fill(0, at + 65, at + 130);
    bytes.write(nodename, at + 65, 'latin1');
    patched++;
  }
  if (patched === 0) throw new Error(`${dump}: no utsname to change`);
  return bytes;
}
