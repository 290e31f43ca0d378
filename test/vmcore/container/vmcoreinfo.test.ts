import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { bytesOf } from '../../support/builders/bytes.ts';

const ID = '0123456789abcdef0123456789abcdef01234567';

describe('Vmcoreinfo.parse', () => {
  it('takes the text up to the first NUL', () => {
    const info = Vmcoreinfo.parse(bytesOf('OSRELEASE=7.3.4\n\0PAGESIZE=1\n'));
    expect(info?.text).toBe('OSRELEASE=7.3.4\n');
    expect(info?.osRelease).toBe('7.3.4');
  });

  it.each(['', 'PAGESIZE=4096\nOSRELEASE=7.3.4\n', 'osrelease=1\n', '\0OSRELEASE=1\n'])(
    'gives undefined when the text is %j',
    (text) => {
      expect(Vmcoreinfo.parse(bytesOf(text))).toBeUndefined();
    },
  );
});

describe('Vmcoreinfo', () => {
  it('has its set of lines, however they are ordered, ended or padded', () => {
    const linesOf = (text: string): string => new Vmcoreinfo(text).lineSet();
    const lines = linesOf('OSRELEASE=7.3.4\nCRASHTIME=1100\n');
    expect(lines).toBe('CRASHTIME=1100\nOSRELEASE=7.3.4');
    expect(linesOf('CRASHTIME=1100\nOSRELEASE=7.3.4')).toBe(lines);
    expect(linesOf('CRASHTIME=1100\n\nOSRELEASE=7.3.4\nCRASHTIME=1100\n\0\0\0')).toBe(lines);
  });

  it('ignores a last line without a newline: a full buffer was cut', () => {
    const info = new Vmcoreinfo('OSRELEASE=7.3.4\nSYMBOL(_stext)=ffff\nCRASHTIME=179000');
    expect(info.symbol('_stext')).toBe(0xffffn);
    expect(info.crashTimeSeconds).toBeUndefined();
  });

  it('ignores lines that are no assignment, and keeps = in a value', () => {
    const info = new Vmcoreinfo('OSRELEASE=1\nnonsense\n=x\n\nCONFIG_CC=a=b\n');
    expect(info.value('CONFIG_CC')).toBe('a=b');
    expect(info.has('nonsense')).toBe(false);
    expect(info.has('')).toBe(false);
  });

  it('gives undefined for a key that is not there', () => {
    const info = new Vmcoreinfo('OSRELEASE=1\n');
    expect(info.symbol('x')).toBeUndefined();
    expect(info.number('x')).toBeUndefined();
    expect(info.offset('x')).toBeUndefined();
    expect(info.size('x')).toBeUndefined();
    expect(info.hexValue('x')).toBeUndefined();
    expect(info.buildId).toBeUndefined();
    expect(new Vmcoreinfo('').osRelease).toBe('');
  });

  it.each([
    ['ffffffff9b210000', 0xffffffff9b210000n],
    ['FFFFFFFF9B210000', 0xffffffff9b210000n],
    ['c0008000', 0xc0008000n],
    ['0', 0n],
    ['0xffff', undefined],
    ['-1', undefined],
    ['', undefined],
    ['12 ', undefined],
    ['fffffffff9b210000', undefined],
  ])('symbol reads %j as hexadecimal without 0x', (text, value) => {
    expect(new Vmcoreinfo(`SYMBOL(x)=${text}\n`).symbol('x')).toBe(value);
    expect(new Vmcoreinfo(`KERNELOFFSET=${text}\n`).hexValue('KERNELOFFSET')).toBe(value);
  });

  it.each([
    ['270532608', 270532608n],
    ['-656408576', -656408576n],
    ['0xffff331ac7e00000', 0xffff331ac7e00000n],
    ['0X10', 0x10n],
    ['0', 0n],
    ['ff', undefined],
    ['-0x10', undefined],
    ['1.5', undefined],
    ['', undefined],
    [' 1', undefined],
  ])('number reads %j as signed decimal, or hexadecimal with 0x', (text, value) => {
    expect(new Vmcoreinfo(`NUMBER(x)=${text}\n`).number('x')).toBe(value);
  });

  it.each([
    ['4', 4],
    ['0', 0],
    ['123456789012345', 123456789012345],
    ['1234567890123456', undefined],
    ['-4', undefined],
    ['0x4', undefined],
    ['', undefined],
  ])('offset and size read %j as plain decimal', (text, value) => {
    const info = new Vmcoreinfo(`OFFSET(a.b)=${text}\nSIZE(a)=${text}\n`);
    expect(info.offset('a.b')).toBe(value);
    expect(info.size('a')).toBe(value);
  });

  it.each([
    ['1791000351', 1_791_000_351],
    ['4294967295', 4_294_967_295],
    ['9791000351', undefined], // the year 2280, by one flipped bit
    ['17910003s1', undefined],
    ['-4', undefined],
  ])('crashTimeSeconds reads %j as a time that a crash can have', (text, seconds) => {
    expect(new Vmcoreinfo(`OSRELEASE=1\nCRASHTIME=${text}\n`).crashTimeSeconds).toBe(seconds);
  });

  it.each([
    ['40 digits', ID, ID],
    ['garbage of 6.11 stable kernels', '\u0004\ufffd\u0014', undefined],
    ['39 digits', ID.slice(1), undefined],
    ['upper case', ID.toUpperCase(), undefined],
  ])('buildId is as it should be when BUILD-ID is %s', (_, text, value) => {
    expect(new Vmcoreinfo(`OSRELEASE=1\nBUILD-ID=${text}\n`).buildId).toBe(value);
  });
});
