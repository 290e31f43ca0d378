import { expect, it } from 'vitest';

import { MAX_FIRST_BYTES, RequestHead, isWholeRecord } from '../../src/http/first-words.ts';

const isWholeHead = (said: Buffer): boolean => new RequestHead().isWhole(said);

const HEADS: Readonly<Record<string, boolean>> = {
  G: false,
  'GET ': false,
  'GET /metrics HTTP/1.1\r\nHost: x\r\n': false,
  'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n': true,
  'GET /metrics HTTP/1.1\nHost: x\n\n': true,
  '\r\n\r\nGET / HT': false,
  '\r\n\r\nGET / HTTP/1.1\r\n\r\n': true,
  'GET /\r\n': true,
  'hello\r\n': true,
  '\x16\x03\x01': true,
};
for (const [text, isWhole] of Object.entries(HEADS)) {
  it(`a head is ${isWhole ? '' : 'not '}to be read when it is ${JSON.stringify(text)}`, () => {
    expect(isWholeHead(Buffer.from(text, 'latin1'))).toBe(isWhole);
  });
}

it('a head is whole with the same byte whether it comes at once or byte by byte', () => {
  for (const text of Object.keys(HEADS)) {
    const bytes = Buffer.from(text, 'latin1');
    const head = new RequestHead();
    for (let length = 1; length <= bytes.length; length++) {
      const said = bytes.subarray(0, length);
      expect(head.isWhole(said), said.toString('latin1')).toBe(isWholeHead(said));
    }
  }
});

it('no line of a head is looked at again when more comes', () => {
  const head = new RequestHead();
  const [first, second] = ['GET / HTTP/1.1\r\nHost: x\r\n', 'X: y\r\n'];
  expect(head.isWhole(Buffer.from(first))).toBe(false);
  const ended = '\r\n'.repeat(first.length / 2); // would be whole, if it were
  expect(head.isWhole(Buffer.from(ended + second))).toBe(false);
  expect(head.isWhole(Buffer.from(`${ended + second}\r\n`))).toBe(true);
});

it('a head of which much came is served before it is whole', () => {
  expect(isWholeHead(Buffer.from(`GET /${'a'.repeat(MAX_FIRST_BYTES)}`))).toBe(true);
});

it('a record is whole with the bytes that its header says', () => {
  const record = Buffer.from([0x16, 3, 1, 0, 4, 1, 2, 3, 4]);
  for (let length = 1; length < record.length; length++) {
    expect(isWholeRecord(record.subarray(0, length))).toBe(false);
  }
  expect(isWholeRecord(record)).toBe(true);
});

it('what is no handshake is answered at once, and so is a record longer than any ClientHello', () => {
  expect(isWholeRecord(Buffer.from('GET'))).toBe(true);
  const endless = Buffer.alloc(MAX_FIRST_BYTES, 0xff);
  endless[0] = 0x16;
  expect(isWholeRecord(endless)).toBe(true);
});
