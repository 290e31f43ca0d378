// The list of supported architectures, and the detection of a dump's architecture.

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
 * Returns the architecture in the dump's header. If the header has none, returns the one whose keys
 * VMCOREINFO has; 32-bit kernels without PAE or LPAE have no such keys, so all 32-bit architectures are
 * returned and the caller proves which is right.
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
