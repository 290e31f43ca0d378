import { expect, it } from 'vitest';

import { foreignFormat } from '../../../src/vmcore/container/foreign-format.ts';
import { bytesOf, fromHex } from '../../support/builders/bytes.ts';

it.each([
  ['gzip', fromHex('1f 8b 08 00'), 'unsupported_compression', 'gunzip'],
  ['zstd', fromHex('28 b5 2f fd'), 'unsupported_compression', 'zstd -d'],
  ['xz', fromHex('fd 37 7a 58 5a 00'), 'unsupported_compression', 'unxz'],
  ['bzip2', bytesOf('BZh91AY'), 'unsupported_compression', 'bunzip2'],
  ['lz4', fromHex('04 22 4d 18'), 'unsupported_compression', 'lz4 -d'],
  ['lz4 of old', fromHex('02 21 4c 18'), 'unsupported_compression', 'lz4 -d'],
  ['lzop', fromHex('89 4c 5a 4f 00 0d 0a 1a 0a'), 'unsupported_compression', 'lzop -d'],
  ['diskdump', bytesOf('DISKDUMP'), 'unsupported_format', 'RHEL'],
  ['SADUMP', bytesOf('sadump\0\0'), 'unsupported_format', 'makedumpfile'],
  ['virsh save', bytesOf('LibvirtQemudSave'), 'unsupported_format', '--memory-only'],
  ['QEMU migration', bytesOf('QEVM'), 'unsupported_format', '--memory-only'],
  ['64-bit Windows', bytesOf('PAGEDU64'), 'unsupported_format', 'Windows'],
  ['32-bit Windows', bytesOf('PAGEDUMP'), 'unsupported_format', 'Windows'],
  ['xl save', bytesOf('Xen saved domain, xl format'), 'unsupported_format', 'kdump inside'],
  ['xm save', bytesOf('LinuxGuestRecord'), 'unsupported_format', 'kdump inside'],
  ['libxc', fromHex('ffffffffffffffff58454e46'), 'unsupported_format', 'kdump inside'],
  ['LKCD, live', fromHex('cd 23 8f 61 73 01 19 a8'), 'unsupported_format', 'LKCD'],
  [
    'VMDUMP of z/VM',
    Uint8Array.from([0xe2, 0xd9, ...new Array<number>(54), ...fromHex('e5 d4 c4 e4 d4 d7 40 40')]),
    'unsupported_format',
    'zgetdump',
  ],
  ['VirtualBox', bytesOf('\x7fVirtualBox SavedState V2.0\n'), 'unsupported_format', 'dumpvmcore'],
  ['Hyper-V', fromHex('14 20 28 01 9f'), 'unsupported_format', 'kdump inside'],
  ['VMware', fromHex('d2 be d2 be'), 'unsupported_format', 'vmss2core'],
  ['VMware, once restored', fromHex('d1 ba d1 ba'), 'unsupported_format', 'vmss2core'],
  ['VMware, kept from restoring', fromHex('d2 ba d2 ba'), 'unsupported_format', 'vmss2core'],
  ['FreeBSD', bytesOf('minidump FreeBSD/arm64\0'), 'unsupported_format', 'Linux'],
  ['illumos', fromHex('ed c8 fe de 0a 00 00 00'), 'unsupported_format', 'Linux'],
  ['LiME', bytesOf('EMiL'), 'unsupported_format', 'LiME'],
])('foreignFormat knows %s and says what to do', (_, head, reason, advice) => {
  const found = foreignFormat(head);
  expect(found?.reason).toBe(reason);
  expect(found?.advice).toContain(advice);
});

it.each([
  ['nothing', ''],
  ['zeros', '\0\0\0\0\0\0\0\0'],
  ['a magic that is cut off', 'LibvirtQemudSav'],
  ['a magic that comes late', ' DISKDUMP'],
])('foreignFormat gives undefined for %s', (_, head) => {
  expect(foreignFormat(bytesOf(head))).toBeUndefined();
});
