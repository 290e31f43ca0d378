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
 * The architecture that the dump's header names. Where it names none it is the one whose keys
 * VMCOREINFO has; 32-bit kernels without PAE or LPAE have none, so it may be any of theirs, and the
 * caller proves which one is right.
 *
 * @throws Unsupported for a machine that is not in the list.
 */
export function architecturesOf(
  { machine, order }: Pick<ContainedDump, 'machine' | 'order'>,
  vmcoreinfo: Vmcoreinfo,
): Architecture[] {
  const ofOrder = ARCHITECTURES.filter(({ endian }) => (endian ?? order.endian) === order.endian);
  const found =
    machine === undefined
      ? ofOrder.filter((arch) => arch.ownKey(vmcoreinfo))
      : ofOrder.filter(({ elfMachine, utsMachine }) =>
          typeof machine === 'number' ? elfMachine === machine : utsMachine.test(machine),
        );
  if (found.length > 0) return found.slice(0, 1);
  if (machine === undefined && order.wordBits === 32) {
    return ofOrder.filter(({ wordBits }) => wordBits === 32);
  }
  const known = ARCHITECTURES.map((arch) => arch.name).join(', ');
  const got = machine === undefined ? 'the header names none' : `got ${machine}`;
  throw new Unsupported('unsupported_arch', 'dump: machine', `${got}, want ${known}`);
}
