// A disk with a cache that forgets: what was written is on it once the machine has flushed it, and of the
// rest a power cut leaves any part. QEMU reads and writes it by NBD, over a socket. QEMU's own ways do not
// forget: what it wrote to a file stays in this machine's memory when QEMU is killed.

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type Server, type Socket, createServer } from 'node:net';

/** What a disk writes as a whole. */
const SECTOR = 512;

// The protocol's own numbers: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
const HELLO = Buffer.from('NBDMAGICIHAVEOPT\0\x03', 'latin1');
const CLIENT_FLAGS = 4;
const OPTION_HEADER = 16;
const OPTION_REPLY = 0x3_e889_0455_65a9n;
const OPTION_GO = 7;
const [ACK, INFO, UNSUPPORTED] = [1, 3, 0x8000_0001];
const REQUEST_HEADER = 28;
const REPLY = 0x6744_6698;
const [READ, WRITE, DISCONNECT, FLUSH] = [0, 1, 2, 3];
/** It has flags, and can be flushed. */
const EXPORT_FLAGS = 5;

export interface Loss {
  /** Sectors that were written and not flushed. */
  readonly unflushed: number;
  /** Of those, how many are lost. */
  readonly lost: number;
}

export class VolatileDisk {
  readonly #flushed: Buffer;
  /** Written and not flushed, by the number of the sector. */
  readonly #written = new Map<number, Buffer>();
  readonly #server: Server;
  #socket: Socket | undefined;

  private constructor(content: Buffer) {
    this.#flushed = content;
    this.#server = createServer((socket) => {
      this.#socket = socket;
      socket.on('error', () => undefined); // QEMU is gone
      void this.#serve(socket).catch((error: unknown) => socket.destroy(error as Error));
    });
  }

  /** @param content what is on it, which changes. @param path of the socket. */
  static async serve(content: Buffer, path: string): Promise<VolatileDisk> {
    const disk = new VolatileDisk(content);
    await once(disk.#server.listen(path), 'listening');
    return disk;
  }

  /** The power is gone. @param keep how many in a hundred of the sectors that were not flushed are there all the same. */
  cut(keep: number): Loss {
    this.#socket?.destroy();
    const unflushed = this.#written.size;
    for (const sector of [...this.#written.keys()]) {
      if (randomInt(100) >= keep) this.#written.delete(sector);
    }
    const lost = unflushed - this.#written.size;
    this.#flush();
    return { unflushed, lost };
  }

  close(): void {
    this.#socket?.destroy();
    this.#server.close();
  }

  async #serve(socket: Socket): Promise<void> {
    const input = new Input(socket);
    socket.write(HELLO);
    await input.take(CLIENT_FLAGS);
    await this.#negotiate(socket, input);
    for (;;) {
      const request = await input.take(REQUEST_HEADER);
      const [type, offset] = [request.readUInt16BE(6), Number(request.readBigUInt64BE(16))];
      const length = request.readUInt32BE(24);
      const reply = Buffer.alloc(16);
      reply.writeUInt32BE(REPLY);
      request.copy(reply, 8, 8, 16);
      if (type === DISCONNECT) break;
      if (type === WRITE) this.#write(offset, await input.take(length));
      else if (type === FLUSH) this.#flush();
      else if (type !== READ) throw new Error(`NBD request ${type}: was not offered`);
      if (socket.destroyed) return;
      socket.write(reply);
      if (type === READ) socket.write(this.#read(offset, length));
    }
    socket.end();
  }

  async #negotiate(socket: Socket, input: Input): Promise<void> {
    for (;;) {
      const header = await input.take(OPTION_HEADER);
      const option = header.readUInt32BE(8);
      await input.take(header.readUInt32BE(12));
      const answer = (type: number, data: Buffer = Buffer.alloc(0)): void => {
        const reply = Buffer.alloc(20);
        reply.writeBigUInt64BE(OPTION_REPLY);
        reply.writeUInt32BE(option, 8);
        reply.writeUInt32BE(type, 12);
        reply.writeUInt32BE(data.length, 16);
        socket.write(Buffer.concat([reply, data]));
      };
      if (option !== OPTION_GO) {
        answer(UNSUPPORTED);
        continue;
      }
      const size = Buffer.alloc(12);
      size.writeBigUInt64BE(BigInt(this.#flushed.length), 2);
      size.writeUInt16BE(EXPORT_FLAGS, 10);
      answer(INFO, size);
      answer(ACK);
      return;
    }
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.from(this.#flushed.subarray(offset, offset + length));
    for (let at = 0; at < length; at += SECTOR) {
      this.#written.get((offset + at) / SECTOR)?.copy(bytes, at);
    }
    return bytes;
  }

  #write(offset: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += SECTOR) {
      this.#written.set((offset + at) / SECTOR, bytes.subarray(at, at + SECTOR));
    }
  }

  #flush(): void {
    for (const [sector, bytes] of this.#written) bytes.copy(this.#flushed, sector * SECTOR);
    this.#written.clear();
  }
}

/** What arrives, in the pieces that are asked for. */
class Input {
  readonly #pieces: AsyncIterator<Buffer, undefined>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#pieces = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  }

  async take(length: number): Promise<Buffer> {
    const pieces = [this.#rest];
    let size = this.#rest.length;
    while (size < length) {
      const next: IteratorResult<Buffer, undefined> = await this.#pieces.next();
      if (next.value === undefined) throw new Error('QEMU is gone');
      pieces.push(next.value);
      size += next.value.length;
    }
    const bytes = pieces.length === 1 ? this.#rest : Buffer.concat(pieces);
    this.#rest = bytes.subarray(length);
    return bytes.subarray(0, length);
  }
}
