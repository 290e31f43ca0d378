// A virtual machine with Debian on its disk, and with a network: the host reaches the exporter in it, and its
// agent runs commands.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { onTestFinished } from 'vitest';

import { freePort } from '../support/system/free-port.ts';
import { eventually } from '../support/system/eventually.ts';
import { type Guest, consoleIn, stopped } from './guest.ts';
import { ROOT, rootProgram } from './lab-root.ts';
import type { MachineImage } from './machine-image.ts';
import { MACHINE } from './machines.ts';
import { Monitor } from './monitor.ts';

/** The machine is slow, and others may work on it too. */
const COMMAND_MS = 900_000;
const MEMORY = '1G';
const EXPORTER_PORT = 10_048;
/** Of a card with memory that survives a reset, for pstore's ramoops. */
export const SURVIVING_BYTES = 2 ** 20;

export interface WholeMachine extends Guest {
  /** Of the exporter in it. */
  readonly url: string;
  /** Puts a disk in. @param name of its PCIe port; the guest has it as /dev/disk/by-id/virtio-NAME. @param disk for QEMU's blockdev-add. */
  plug(name: Port, disk: object): Promise<void>;
  /** Writes the whole machine, but for its disks, to a file, and ends it. */
  suspend(file: string): Promise<void>;
  /** Waits for its agent: after a start, or a start anew. */
  booted(): Promise<void>;
  /** Takes its power. */
  kill(): Promise<void>;
}

const PORTS = ['data', 'more'] as const;
type Port = (typeof PORTS)[number];

export interface MachineSetup {
  readonly image: MachineImage;
  /** Its root disk. What is written to it is gone with the machine, if not said otherwise. */
  readonly disk: string;
  readonly keep?: boolean;
  /** For its sockets and its console. */
  readonly folder: string;
  /** What suspend() wrote. */
  readonly resume?: string;
  /** Its clock counts instructions, and while it is idle it jumps to its next timer. */
  readonly runsAhead?: boolean;
}

/** Stopped when the test ends. */
export async function startMachine(setup: MachineSetup): Promise<WholeMachine> {
  const { folder, resume } = setup;
  const port = await freePort();
  const child = spawn('nice', ['-n', '10', ...qemuArguments(setup, port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: folder,
  });
  onTestFinished(() => stopped(child));
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const socket = async (name: string): Promise<string> => {
    const path = join(folder, name);
    await eventually(`QEMU opens ${name}`, () => {
      if (child.exitCode !== null) throw new Error(`QEMU ended: ${complaints}`);
      return existsSync(path) || undefined;
    });
    return path;
  };
  const monitor = await Monitor.open(await socket('monitor'));
  const agent = await Monitor.toAgent(await socket('agent'));
  onTestFinished(() => {
    for (const one of [monitor, agent]) one.close();
  });
  if (resume !== undefined) {
    await monitor.execute('migrate-incoming', { uri: `file:${resume}` });
    await status(monitor, 'paused');
    await monitor.execute('cont', {});
  }
  const console = consoleIn(join(folder, 'console.log'));
  return {
    url: `http://127.0.0.1:${port}`,
    console,
    monitor: (command) => monitor.run(command),
    execute: (command, args) => monitor.execute(command, args),
    shell: (command) => shell(agent, command),
    async plug(name, disk): Promise<void> {
      await monitor.execute('blockdev-add', { 'node-name': name, ...disk });
      const device = { driver: 'virtio-blk-pci', drive: name, bus: name, serial: name };
      await monitor.execute('device_add', { ...device, id: `${name}-disk` });
    },
    async suspend(file): Promise<void> {
      await monitor.execute('stop', {});
      await monitor.execute('migrate', { uri: `file:${file}` });
      await status(monitor, 'postmigrate');
      await monitor.execute('quit', {});
      if (child.exitCode === null) await once(child, 'exit');
    },
    async booted(): Promise<void> {
      await agent.execute('guest-ping', {});
    },
    kill: () => stopped(child),
  };
}

async function status(monitor: Monitor, wanted: string): Promise<void> {
  await eventually(`QEMU is ${wanted}`, async () => {
    const { status } = (await monitor.execute('query-status', {})) as { status: string };
    return status === wanted || undefined;
  });
}

interface Ended {
  readonly exited: boolean;
  readonly 'out-data'?: string;
}

async function shell(agent: Monitor, command: string): Promise<string> {
  const run = { path: '/bin/bash', arg: ['-c', `{ ${command}\n} 2>&1`], 'capture-output': true };
  const { pid } = (await agent.execute('guest-exec', run)) as { pid: number };
  const end = performance.now() + COMMAND_MS;
  for (;;) {
    const ended = (await agent.execute('guest-exec-status', { pid })) as Ended;
    if (ended.exited) return Buffer.from(ended['out-data'] ?? '', 'base64').toString();
    if (performance.now() > end) throw new Error(`the guest does not end: ${command}`);
    await sleep(100);
  }
}

function qemuArguments(
  { image, disk, keep, resume, runsAhead }: MachineSetup,
  port: number,
): string[] {
  const snapshot = keep === true ? 'off' : 'on';
  return [
    ...rootProgram(MACHINE.qemu),
    ...['-L', join(ROOT, 'usr/share/qemu'), '-L', join(ROOT, 'usr/share/seabios')],
    ...['-machine', `${MACHINE.type},accel=tcg`, '-smp', '1', '-m', MEMORY],
    // A crash kernel does not feed it.
    ...['-action', 'watchdog=none', '-display', 'none', '-nodefaults'],
    ...['-kernel', image.vmlinuz, '-initrd', image.initrd],
    '-append',
    `console=${MACHINE.console} root=/dev/vda rw crashkernel=256M ${MACHINE.kernelArguments}`,
    ...['-serial', 'file:console.log'],
    ...['-qmp', 'unix:monitor,server=on,wait=off'],
    ...MACHINE.arguments,
    ...['-object', `memory-backend-ram,id=survives,size=${SURVIVING_BYTES}`],
    ...['-device', 'ivshmem-plain,memdev=survives,master=on'],
    ...PORTS.flatMap((name, i) => ['-device', `pcie-root-port,id=${name},chassis=${i + 2}`]),
    ...['-drive', `file=${disk},format=raw,if=virtio,snapshot=${snapshot}`],
    // Nothing but what the host asks for.
    ...['-netdev', `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:${EXPORTER_PORT}`],
    ...['-device', 'virtio-net-pci,netdev=net,romfile='],
    ...['-chardev', 'socket,id=agent,path=agent,server=on,wait=off'],
    ...['-device', 'virtio-serial-pci'],
    ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
    ...(resume === undefined ? [] : ['-incoming', 'defer']),
    ...(runsAhead === true ? ['-icount', 'shift=0,sleep=off', '-rtc', 'clock=vm'] : []),
  ];
}
