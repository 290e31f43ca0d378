// Two whole machines with a network between them: one that crashes, and one that collects its dumps.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { type BootedMachine, goOn } from './booted-machine.ts';
import type { WholeMachine } from './whole-machine.ts';

/** Their host names and addresses (RFC 5737). */
export const ADDRESSES = { labhost: '192.0.2.1', collector: '192.0.2.2' } as const;
export type HostName = keyof typeof ADDRESSES;

export type LinkedMachines = Readonly<Record<HostName, WholeMachine>>;

/** Both go on from the same boot. Only the collector has an exporter. */
export async function linkedMachines(
  booted: BootedMachine,
  folder: string,
): Promise<LinkedMachines> {
  const start = (host: HostName): Promise<WholeMachine> => {
    mkdirSync(join(folder, host));
    return goOn(booted, join(folder, host));
  };
  const machines = { labhost: await start('labhost'), collector: await start('collector') };
  const addr = { type: 'unix', path: join(folder, 'cable') };
  await plugIn(machines.labhost, 'labhost', { server: true, addr });
  await plugIn(machines.collector, 'collector', { server: false, addr });
  await machines.labhost.shell('systemctl disable hwerr-exporter; sync');
  return machines;
}

/** Gives it a name, and a network card that it keeps when it boots again. */
async function plugIn(machine: WholeMachine, host: HostName, cable: object): Promise<void> {
  const address = ADDRESSES[host];
  const mac = `52:54:00:00:00:0${address.slice(-1)}`;
  await machine.shell(`echo ${host} >/etc/hostname; hostname ${host}
    printf '[Match]\\nMACAddress=${mac}\\n[Network]\\nAddress=${address}/24\\n' >/etc/systemd/network/cable.network
    systemctl restart systemd-networkd; sync`);
  await machine.execute('netdev_add', { type: 'stream', id: 'cable', ...cable });
  const card = { driver: 'virtio-net-pci', netdev: 'cable', bus: 'data', romfile: '' };
  await machine.execute('device_add', { ...card, id: 'card', mac });
  await machine.shell(`until ip -br address | grep -F ${address}; do sleep 1; done`);
}
