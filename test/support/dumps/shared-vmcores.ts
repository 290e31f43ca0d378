/**
 * Dumps too big to commit live beside the checkout, in ../shared/vmcores.
 * HWERR_SHARED names another folder that holds `vmcores`; set to nothing, it switches them off.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of big sample dumps, or undefined when this machine has none. */
export function sharedVmcores(): string | undefined {
  const asked = process.env['HWERR_SHARED'];
  if (asked === '') return undefined;
  const folder = join(
    asked ?? fileURLToPath(new URL('../../../../shared', import.meta.url)),
    'vmcores',
  );
  if (existsSync(folder)) return folder;
  if (asked !== undefined) throw new Error(`HWERR_SHARED: no folder ${folder}`);
  return undefined;
}
