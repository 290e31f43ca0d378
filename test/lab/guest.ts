// A virtual machine without KVM: its console in a file, a shell by way of a shared folder, QEMU's monitor.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { GUEST_ROOT, type LabKernel, ROOT, rootProgram } from './lab-root.ts';
import { MACHINE } from './machines.ts';
import { Monitor } from './monitor.ts';

/** The machine is slow, and others may work on it too. */
const BOOT_MS = 300_000;
const COMMAND_MS = 300_000;

export interface GuestSetup {
  readonly kernel: LabKernel;
  /** For its sockets and its console. */
  readonly folder: string;
  /** Initial file system of the kernel that will crash. */
  readonly initrd: string;
  /** The guest's /share. */
  readonly share: string;
  /** MiB */
  readonly memory: number;
}

export interface Guest {
  /** The kernel's log, as it came out of the console. */
  console(): string;
  /** Runs a command in the guest. @returns what it printed. */
  shell(command: string): Promise<string>;
  /** A command of QEMU's own monitor, and its answer. */
  monitor(command: string): Promise<string>;
  /** A command of QEMU's protocol for programs. */
  execute(command: string, args: object): Promise<unknown>;
}

/** One that has folders of the host. */
export interface SharingGuest extends Guest {
  /** A command that does not end. */
  send(command: string): void;
  /** Waits until the machine has ended by itself. */
  ended(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startGuest(setup: GuestSetup): Promise<SharingGuest> {
  const { folder } = setup;
  const folders = [
    await share(setup, 'root', GUEST_ROOT, ['--readonly']),
    await share(setup, 'share', setup.share),
  ];
  const consoleFile = join(folder, 'console.log');
  const child = spawn('nice', ['-n', '10', ...qemuArguments(setup, consoleFile)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: folder,
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const console = consoleIn(consoleFile);
  const end = performance.now() + BOOT_MS;
  while (!console().includes('LAB ready')) {
    await sleep(500);
    if (child.exitCode === null && performance.now() < end) continue;
    for (const process of [child, ...folders]) process.kill('SIGKILL');
    throw new Error(`the guest does not boot:\n${complaints}\n${console().slice(-3000)}`);
  }
  const monitor = await Monitor.open(join(folder, 'monitor'));
  let commands = 0;
  const send = (command: string): string => {
    const number = ++commands;
    const file = join(setup.share, `command.${number}`);
    writeFileSync(`${file}.new`, `${command}\n`);
    renameSync(`${file}.new`, file);
    return join(setup.share, `answer.${number}`);
  };
  return {
    console,
    send,
    async shell(command): Promise<string> {
      const answer = send(command);
      const end = performance.now() + COMMAND_MS;
      while (!existsSync(answer)) {
        if (performance.now() > end) throw new Error(`the guest does not answer: ${command}`);
        await sleep(100);
      }
      return readFileSync(answer, 'utf8');
    },
    monitor: (command) => monitor.run(command),
    execute: (command, args) => monitor.execute(command, args),
    async ended(ms): Promise<void> {
      const exited = child.exitCode !== null || once(child, 'exit').then(() => true);
      if ((await Promise.race([exited, sleep(ms)])) !== true) {
        throw new Error(`the guest is still there:\n${console().slice(-3000)}`);
      }
    },
    async stop(): Promise<void> {
      monitor.close();
      for (const process of [child, ...folders]) await stopped(process);
    },
  };
}

/** What QEMU has written to a file so far. */
export function consoleIn(file: string): () => string {
  return () => (existsSync(file) ? readFileSync(file, 'utf8').replaceAll('\r', '') : '');
}

/** Lets the guest have a folder: the program that serves it ends with the guest. */
async function share(
  { folder }: GuestSetup,
  tag: string,
  path: string,
  more: readonly string[] = [],
): Promise<ChildProcess> {
  const socket = join(folder, `${tag}.sock`);
  const [program = '', ...args] = rootProgram('usr/libexec/virtiofsd');
  const child = spawn(
    program,
    [
      ...[...args, '--socket-path', socket, '--shared-dir', path, '--sandbox', 'none'],
      ...['--rlimit-nofile', '0', '--log-level', 'error', ...more],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const end = performance.now() + COMMAND_MS;
  while (!existsSync(socket)) {
    await sleep(50);
    if (child.exitCode === null && performance.now() < end) continue;
    throw new Error(`virtiofsd does not serve ${path}`);
  }
  return child;
}

function qemuArguments({ kernel, initrd, memory }: GuestSetup, consoleFile: string): string[] {
  const shared = (tag: string): string[] => [
    ...['-chardev', `socket,id=${tag},path=${tag}.sock`],
    ...['-device', `vhost-user-fs-pci,chardev=${tag},tag=${tag}`],
  ];
  return [
    ...rootProgram(MACHINE.qemu),
    ...['-L', join(ROOT, 'usr/share/qemu'), '-L', join(ROOT, 'usr/share/seabios')],
    ...['-machine', `${MACHINE.type},accel=tcg,memory-backend=memory`],
    ...['-smp', '1', '-m', `${memory}M`, '-no-reboot'],
    // virtiofsd reads and writes the guest's memory.
    ...['-object', `memory-backend-memfd,id=memory,size=${memory}M,share=on`],
    ...(MACHINE.firmware === undefined ? [] : ['-bios', join(ROOT, MACHINE.firmware)]),
    ...['-display', 'none', '-nodefaults', '-nic', 'none'],
    ...['-kernel', join(GUEST_ROOT, kernel.vmlinuz), '-initrd', initrd],
    '-append',
    `console=${MACHINE.console} crashkernel=320M rdinit=/init ${MACHINE.kernelArguments}`,
    ...['-serial', `file:${consoleFile}`],
    ...['-qmp', 'unix:monitor,server=on,wait=off'],
    ...MACHINE.arguments,
    ...shared('root'),
    ...shared('share'),
  ];
}

export async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
