import { describe, expect, it } from 'vitest';

import { pciLine, requesterAddress } from '../../../src/vmcore/evidence/pci-line.ts';

function lineOf(text: string, device: string | null = null): ReturnType<typeof pciLine> {
  return pciLine({ time: 0, caller: null, level: null, device, text });
}

describe('pciLine', () => {
  it.each([
    ['nvme 0000:03:00.0: text', '0000:03:00.0', 'text'],
    ['nvme 10000:e1:00.0:   text', '10000:e1:00.0', '  text'],
    ['pcieport 0000:00:1c.0:pcie008: text', '0000:00:1c.0', 'text'],
    ['HDA Intel 0000:00:1b.0: text', '0000:00:1b.0', 'text'],
  ])('of %s', (text, address, rest) => {
    expect(lineOf(text)).toMatchObject({ address, text: rest });
  });

  it('is null for the lines of other devices', () => {
    expect(lineOf('zpci: 061a:00:00.0: Event 0x3a')).toBeNull();
    expect(lineOf('usb 1-1: text')).toBeNull();
  });

  it('believes the stored device, if it is one of PCI', () => {
    expect(lineOf('nvme 0000:03:00.0: text', '+pci:0001:03:00.0')?.address).toBe('0001:03:00.0');
    expect(lineOf('nvme 0000:03:00.0: text', '+nvme:nvme0')?.address).toBe('0000:03:00.0');
  });
});

it('requesterAddress is bus, device and function in the domain of the port', () => {
  expect(requesterAddress('0015:00:00.0', 0x00e8)).toBe('0015:00:1d.0');
  expect(requesterAddress('10000:e0:06.0', 0xe101)).toBe('10000:e1:00.1');
});
