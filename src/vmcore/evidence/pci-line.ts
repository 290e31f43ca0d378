// Lines of a PCI device with the prefix of dev_printk(): `<driver> <address>: `, or with the name of a port
// service after the address (`pcieport 0000:00:1c.5:pcie004: `). drivers/base/core.c.

import type { Line } from './line.ts';

/** The domain has four digits, more behind VMD and on some arm64 machines. */
const ADDRESS = '[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]';
const PREFIX = new RegExp(`^[\\w .()-]{1,40}? (${ADDRESS})(?::pcie?[0-9a-f]{1,4})?: (.{0,1900})$`);
const DEVICE = new RegExp(`^\\+pci:(${ADDRESS})$`);

/** A line of a PCI device: `address` such as `0000:01:00.0`, and the text after the prefix. */
export interface PciLine {
  readonly line: Line;
  readonly address: string;
  readonly text: string;
}

/** @returns null for any other line. */
export function pciLine(line: Line): PciLine | null {
  // Fast path for almost every line of a log: names of drivers contain no colon.
  const colon = line.text.indexOf(':');
  if (line.text[colon + 3] !== ':' || line.text[colon + 6] !== '.') return null;
  const match = PREFIX.exec(line.text);
  const [, address, text] = match ?? [];
  if (address === undefined || text === undefined) return null;
  // The device that dev_printk() stored with the text is unambiguous.
  const stored = line.device === null ? undefined : DEVICE.exec(line.device)?.[1];
  return { line, address: stored ?? address, text };
}

/**
 * @param domain of a device on the same root bus.
 * @returns the address of a requester id (bus << 8 | devfn).
 */
export function requesterAddress(domain: string, id: number): string {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  const prefix = domain.slice(0, domain.indexOf(':'));
  return `${prefix}:${hex((id >> 8) & 0xff)}:${hex((id >> 3) & 0x1f)}.${id & 7}`;
}
