// QEMU's monitor, over its protocol for programs; and the agent in a guest, which has the same.

import { once } from 'node:events';
import { type Socket, createConnection } from 'node:net';

/** A guest answers when it has booted, which takes minutes beside other work. */
const COMMAND_MS = 900_000;

/** Its commands for people, too. */
export class Monitor {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(path: string): Promise<Monitor> {
    const monitor = new Monitor(await connected(path));
    await monitor.execute('qmp_capabilities', {});
    return monitor;
  }

  /** @param path of the agent's socket: QEMU keeps what is said until there is an agent. */
  static async toAgent(path: string): Promise<Monitor> {
    return new Monitor(await connected(path));
  }

  async run(command: string): Promise<string> {
    return String(await this.execute('human-monitor-command', { 'command-line': command }));
  }

  async execute(execute: string, args: object): Promise<unknown> {
    const answer = until(this.#socket, '\\{"(return|error)": .*\\}\\r?\\n', COMMAND_MS);
    this.#socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    const line = /\{"(return|error)": .*\}/.exec(await answer)?.[0] ?? '{}';
    const said = JSON.parse(line) as { return?: unknown; error?: unknown };
    if (said.error !== undefined) throw new Error(`QEMU refuses ${execute}: ${line}`);
    return said.return;
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function connected(path: string): Promise<Socket> {
  const socket = createConnection(path);
  await once(socket, 'connect');
  socket.on('error', () => undefined); // QEMU is gone, and so is the socket: 'close' comes next
  return socket.setEncoding('utf8');
}

/** What arrives up to the pattern. */
function until(socket: Socket, pattern: string, ms: number): Promise<string> {
  return new Promise((resolve, reject) => {
    if (socket.closed) {
      reject(new Error('QEMU is gone'));
      return;
    }
    const end = new RegExp(pattern);
    let text = '';
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      socket.off('data', take).off('close', fail);
      settle();
    };
    const timer = setTimeout(() => {
      finish(() => {
        reject(new Error(`no answer in ${ms / 1000} s, only: ${text}`));
      });
    }, ms);
    const fail = (): void => {
      finish(() => {
        reject(new Error(`QEMU is gone; it said: ${text}`));
      });
    };
    const take = (piece: string): void => {
      text += piece;
      if (end.test(text)) {
        finish(() => {
          resolve(text);
        });
      }
    };
    socket.on('data', take).on('close', fail);
  });
}
