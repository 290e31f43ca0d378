// Every architecture the decoder knows, and which one a dump is of.

import type { ContainedDump } from '../container/dump.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Unsupported } from '../errors.ts';
import type { Architecture } from './architecture.ts';
import { arm32 } from './arm32.ts';
import { arm64 } from './arm64.ts';
import { i386 } from './i386.ts';
import { loongarch64 } from './loongarch64.ts';
import { ppc64be, ppc64le } from './ppc64.ts';
import { riscv64 } from './riscv64.ts';
import { s390x } from './s390x.ts';
import { x86_64 } from './x86_64.ts';

const ARCHITECTURES: readonly Architecture[] = [
  x86_64,
  arm64,
  ppc64le,
  ppc64be,
  s390x,
  riscv64,
  loongarch64,
  i386,
  arm32,
];

/**
 * The architecture the dump's header names; where it names none, the one whose keys VMCOREINFO has.
 *
 * @throws Unsupported for a machine that is not in the list.
 */
export function architectureOf(
  { machine, order }: Pick<ContainedDump, 'machine' | 'order'>,
  vmcoreinfo: Vmcoreinfo,
): Architecture {
  const found = ARCHITECTURES.find((arch) => {
    if (arch.endian !== undefined && arch.endian !== order.endian) return false;
    if (machine === undefined) return arch.ownKey(vmcoreinfo);
    return typeof machine === 'number'
      ? arch.elfMachine === machine
      : arch.utsMachine.test(machine);
  });
  if (found !== undefined) return found;
  const known = ARCHITECTURES.map((arch) => arch.name).join(', ');
  throw new Unsupported('unsupported_arch', 'dump: machine', `got ${machine}, want ${known}`);
}
