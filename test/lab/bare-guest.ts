// A virtual machine with a kernel, busybox and a console, of whose memory QEMU writes a dump: for
// machines on which the lab has no kdump.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { eventually } from '../support/system/eventually.ts';
import { type Guest, consoleIn, stopped } from './guest.ts';
import { GUEST_ROOT, type LabKernel, ROOT, rootProgram } from './lab-root.ts';
import { MACHINE } from './machines.ts';
import { Monitor } from './monitor.ts';

/** The machine is slow, and others may work on it too. */
const BOOT_MS = 600_000;
const COMMAND_MS = 120_000;
const MEMORY = '768M';

/** Of the kernel, when it has crashed and does nothing more. */
const DEAD = /guest-panicked|paused|shutdown/;

export interface BareGuest extends Guest {
  /** Lets it crash. @returns when it has. */
  crash(): Promise<void>;
  /** @param format of QEMU's dump-guest-memory. @param file absolute. */
  dump(format: string, file: string): Promise<unknown>;
}

/** Stopped when the test ends. @param folder for its sockets and its console. */
export async function startBareGuest(
  kernel: LabKernel,
  folder: string,
  initrd: string,
): Promise<BareGuest> {
  const child = spawn('nice', ['-n', '10', ...qemuArguments(kernel, initrd)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    cwd: folder,
  });
  onTestFinished(() => stopped(child));
  const console = consoleIn(join(folder, 'console.log'));
  const said = (pattern: RegExp, ms: number): Promise<RegExpExecArray> =>
    eventually(
      `${String(pattern)} on the console`,
      () => {
        if (child.exitCode !== null) throw new Error(`QEMU ended: ${console().slice(-3000)}`);
        return pattern.exec(console()) ?? undefined;
      },
      ms,
    );
  await said(/LAB ready/, BOOT_MS);
  const monitor = await Monitor.open(join(folder, 'monitor'));
  const line = createConnection(join(folder, 'console'));
  await once(line, 'connect');
  line.resume(); // what it says is in console.log
  onTestFinished(() => {
    line.destroy();
    monitor.close();
  });
  let commands = 0;
  return {
    console,
    async shell(command): Promise<string> {
      const number = ++commands;
      line.write(`${command}\n`);
      const answer = new RegExp(`^LAB answer ${number}\n([^]*?)^LAB end ${number}\n`, 'm');
      return (await said(answer, COMMAND_MS))[1] ?? '';
    },
    monitor: (command) => monitor.run(command),
    execute: (command, args) => monitor.execute(command, args),
    async crash(): Promise<void> {
      line.write('echo c >/proc/sysrq-trigger\n');
      await said(/Kernel panic - not syncing/, COMMAND_MS);
      // Some tell QEMU that they died, others of the end in their log.
      await eventually(
        'the kernel is dead',
        async () => {
          if (console().includes('---[ end Kernel panic')) return true;
          const { status } = (await monitor.execute('query-status', {})) as { status: string };
          return DEAD.test(status) || undefined;
        },
        COMMAND_MS,
      );
    },
    dump: (format, file) =>
      monitor.execute('dump-guest-memory', { paging: false, protocol: `file:${file}`, format }),
  };
}

function qemuArguments({ vmlinuz }: LabKernel, initrd: string): string[] {
  return [
    ...rootProgram(MACHINE.qemu),
    ...['-L', join(ROOT, 'usr/share/qemu'), '-L', join(ROOT, 'usr/share/seabios')],
    ...['-machine', `${MACHINE.type},accel=tcg`, '-smp', '1', '-m', MEMORY],
    ...['-action', 'panic=pause,shutdown=pause,reboot=shutdown'],
    ...(MACHINE.firmware === undefined ? [] : ['-bios', join(ROOT, MACHINE.firmware)]),
    ...['-display', 'none', '-nodefaults', '-nic', 'none'],
    ...['-kernel', join(GUEST_ROOT, vmlinuz), '-initrd', initrd],
    ...['-append', `console=${MACHINE.console} rdinit=/init ${MACHINE.kernelArguments}`],
    ...['-chardev', 'socket,id=console,path=console,server=on,wait=off,logfile=console.log'],
    ...['-serial', 'chardev:console'],
    ...['-qmp', 'unix:monitor,server=on,wait=off'],
    ...MACHINE.arguments,
  ];
}
