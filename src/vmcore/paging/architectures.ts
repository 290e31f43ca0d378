// Every architecture the decoder knows, and which one a dump is of.

import type { Dump } from '../container/dump.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Unsupported } from '../errors.ts';
import type { Architecture } from './architecture.ts';
import { arm64 } from './arm64.ts';
import { x86_64 } from './x86_64.ts';

const ARCHITECTURES: readonly Architecture[] = [x86_64, arm64];

/**
 * The architecture the dump's header names; where it names none, the one whose keys VMCOREINFO has.
 *
 * @throws Unsupported for a machine that is not in the list.
 */
export function architectureOf(machine: Dump['machine'], vmcoreinfo: Vmcoreinfo): Architecture {
  const found =
    machine === undefined
      ? ARCHITECTURES.find((arch) => arch.ownKey(vmcoreinfo))
      : ARCHITECTURES.find((arch) => arch.elfMachine === machine || arch.utsMachine === machine);
  if (found === undefined) {
    const known = ARCHITECTURES.map((arch) => arch.name).join(', ');
    throw new Unsupported('unsupported_arch', 'dump: machine', `got ${machine}, want ${known}`);
  }
  return found;
}
