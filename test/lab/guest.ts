// A virtual machine without KVM: its console in a file, a shell by way of a shared folder, QEMU's monitor.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Socket, createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { type LabKernel, ROOT, rootProgram } from './lab-root.ts';

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
}

export interface Guest {
  /** The kernel's log, as it came out of the console. */
  console(): string;
  /** Runs a command in the guest. @returns what it printed. */
  shell(command: string): Promise<string>;
  /** A command that does not end. */
  send(command: string): void;
  /** A command of QEMU's own monitor, and its answer. */
  monitor(command: string): Promise<string>;
  /** Waits until the machine has ended by itself. */
  ended(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startGuest(setup: GuestSetup): Promise<Guest> {
  const { folder } = setup;
  const consoleFile = join(folder, 'console.log');
  const child = spawn('nice', ['-n', '10', ...qemuArguments(setup, consoleFile)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: folder,
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const console = (): string =>
    existsSync(consoleFile) ? readFileSync(consoleFile, 'utf8').replaceAll('\r', '') : '';
  const end = performance.now() + BOOT_MS;
  while (!console().includes('LAB ready')) {
    await sleep(500);
    if (child.exitCode === null && performance.now() < end) continue;
    child.kill('SIGKILL');
    throw new Error(`the guest does not boot:\n${complaints}\n${console().slice(-3000)}`);
  }
  const monitor = await Monitor.open(await connected(join(folder, 'monitor')));
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
    async ended(ms): Promise<void> {
      const exited = child.exitCode !== null || once(child, 'exit').then(() => true);
      if ((await Promise.race([exited, sleep(ms)])) !== true) {
        throw new Error(`the guest is still there:\n${console().slice(-3000)}`);
      }
    },
    async stop(): Promise<void> {
      monitor.close();
      await stopped(child);
    },
  };
}

function qemuArguments(setup: GuestSetup, consoleFile: string): string[] {
  const { kernel, initrd, share } = setup;
  const shared = (path: string, tag: string, more: string): string[] => [
    '-virtfs',
    `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${more}`,
  ];
  return [
    ...rootProgram('usr/bin/qemu-system-x86_64'),
    ...['-L', join(ROOT, 'usr/share/qemu'), '-L', join(ROOT, 'usr/share/seabios')],
    ...['-machine', 'q35,accel=tcg', '-smp', '1', '-m', '1792', '-no-reboot'],
    // Machine checks are an Intel's: of a server, for only those recover.
    ...['-cpu', 'max,vendor=GenuineIntel,family=6,model=85,stepping=4'],
    ...['-display', 'none', '-nodefaults', '-nic', 'none'],
    ...['-kernel', join(ROOT, kernel.vmlinuz), '-initrd', initrd],
    // pti=off: the monitor reads the kernel's memory through the page tables of whatever runs.
    ...['-append', 'console=ttyS0 crashkernel=320M pcie_port_pm=off pti=off rdinit=/init'],
    ...['-serial', `file:${consoleFile}`],
    ...['-qmp', 'unix:monitor,server=on,wait=off'],
    ...['-device', 'pcie-root-port,id=rp0,chassis=1', '-device', 'e1000e,bus=rp0,romfile='],
    ...shared(ROOT, 'root', ',readonly=on'),
    ...shared(share, 'share', ''),
  ];
}

/** QEMU's monitor: its commands for people, over its protocol for programs. */
class Monitor {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(socket: Socket): Promise<Monitor> {
    const monitor = new Monitor(socket);
    await monitor.#execute('qmp_capabilities', {});
    return monitor;
  }

  run(command: string): Promise<string> {
    return this.#execute('human-monitor-command', { 'command-line': command });
  }

  close(): void {
    this.#socket.destroy();
  }

  async #execute(execute: string, args: object): Promise<string> {
    const answer = until(this.#socket, '\\{"return": .*\\}\\r?\\n', COMMAND_MS);
    this.#socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    const line = /\{"return": .*\}/.exec(await answer)?.[0] ?? '{}';
    return String((JSON.parse(line) as { return?: unknown }).return);
  }
}

async function connected(path: string): Promise<Socket> {
  const socket = createConnection(path);
  await once(socket, 'connect');
  return socket.setEncoding('utf8');
}

/** What arrives up to the pattern. */
function until(socket: Socket, pattern: string, ms: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const end = new RegExp(pattern);
    let text = '';
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      socket.off('data', take);
      settle();
    };
    const timer = setTimeout(() => {
      finish(() => {
        reject(new Error(`no answer in ${ms / 1000} s, only: ${text}`));
      });
    }, ms);
    const take = (piece: string): void => {
      text += piece;
      if (end.test(text)) {
        finish(() => {
          resolve(text);
        });
      }
    };
    socket.on('data', take);
  });
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
