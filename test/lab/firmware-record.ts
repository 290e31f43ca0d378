// Records by which firmware tells a kernel of a hardware error (APEI): a Generic Error Status Block with
// Generic Error Data Entries (ACPI 6.5, section 18.3.2.7.1), each of which holds one section of a Common
// Platform Error Record (UEFI 2.10, appendix N). QEMU takes no more than 1 KiB.

/** UEFI 2.10, N.2.1; a fatal one ends the kernel. */
const SEVERITIES = { recoverable: 0, fatal: 1, corrected: 2, informational: 3 } as const;
export type Severity = keyof typeof SEVERITIES;

/** [offset, bytes, value], little-endian. */
type Field = readonly [offset: number, bytes: number, value: number];

interface Section {
  /** Its type. */
  readonly guid: string;
  readonly bytes: number;
  /** What is not 0 in it. */
  readonly fields: readonly Field[];
  /** Offset of what is different in each: of the same record again the kernel would not log a word. */
  readonly address: number;
}

/** Addresses, where it is one: of memory that the guest has, a page apart. */
const FIRST_ADDRESS = 0x6000_0000;
const PAGE = 0x1000;

/** UEFI 2.10, N.2.14: header of 32 bytes with its length, of which device, serial number and log are valid. */
const CXL_EVENT: Omit<Section, 'guid'> = {
  bytes: 144,
  fields: [
    [0, 4, 144],
    [4, 1, 0b111],
  ],
  address: 24,
};

/** UEFI 2.10, N.2.7: port type, device 0000:00:1c.0 with its ids; beside them its serial number. */
const PCIE = 'd995e954-bbc1-430f-ad91-b44dcb3c6f35';
const ROOT_PORT: readonly Field[] = [
  [8, 4, 4],
  [24, 2, 0x1b36],
  [26, 2, 0x000c],
  [32, 1, 0x1c],
];

/** As UEFI names them, or shorter. */
export type SectionName =
  | 'processor'
  | 'ARM processor'
  | 'memory'
  | 'memory 2'
  | 'PCIe'
  | 'PCIe registers'
  | 'PCI bus'
  | 'firmware'
  | 'DMA remapping'
  | 'CXL protocol'
  | 'CXL general media'
  | 'CXL DRAM'
  | 'CXL memory module';

const SECTIONS: Readonly<Record<SectionName, Section>> = {
  /** N.2.4.1: for an ARM; its identity. */
  processor: {
    guid: '9876ccad-47b4-4bdb-b65e-16f193c4f3db',
    bytes: 192,
    fields: [
      [0, 2, 0x101],
      [8, 1, 2],
    ],
    address: 152,
  },
  /** N.2.4.4: MPIDR, and one Error Information Structure of 32 bytes: of a cache. */
  'ARM processor': {
    guid: 'e19e3d16-bc11-11e4-9caa-c2051d5d46b0',
    bytes: 72,
    fields: [
      [0, 4, 1],
      [4, 2, 1],
      [8, 4, 72],
      [41, 1, 32],
      [44, 1, 0b10],
    ],
    address: 16,
  },
  /** N.2.5: physical address, node 0, card 1, module 2, error type and the DIMM's SMBIOS handle. */
  memory: {
    guid: 'a5bc1114-6f64-4ede-b863-3e83ed7c83b1',
    bytes: 80,
    fields: [
      [0, 4, 0x2_403a],
      [34, 2, 1],
      [36, 2, 2],
      [72, 1, 3],
      [78, 2, 0x1100],
    ],
    address: 16,
  },
  /** N.2.6: as above. */
  'memory 2': {
    guid: '61ec04fc-48e6-d813-25c9-8daa44750b12',
    bytes: 96,
    fields: [[0, 1, 0b10]],
    address: 16,
  },
  PCIe: { guid: PCIE, bytes: 208, fields: [[0, 1, 0b1_1001], ...ROOT_PORT], address: 40 },
  /** The same with its AER registers: a completion timeout, which is not fatal. */
  'PCIe registers': {
    guid: PCIE,
    bytes: 208,
    fields: [[0, 1, 0b1001_1001], ...ROOT_PORT, [116, 4, 0x4000], [124, 4, 0x46_2030]],
    address: 40,
  },
  /** N.2.8: the bus address. */
  'PCI bus': {
    guid: 'c5753963-3b84-4095-bf78-eddad3f9c9dd',
    bytes: 72,
    fields: [[0, 1, 0b1000]],
    address: 24,
  },
  /** N.2.10: record of a system on a chip, and its identifier. */
  firmware: {
    guid: '81212a96-09ed-4996-9471-8d729c8e69ed',
    bytes: 32,
    fields: [[0, 1, 1]],
    address: 8,
  },
  /** N.2.11.1: the device address. */
  'DMA remapping': {
    guid: '5b51fef7-c79d-4434-8f1b-aa62de3e2c64',
    bytes: 32,
    fields: [],
    address: 8,
  },
  /** N.2.13: a CXL device, its address 0000:0d:00.0, its ids and its serial number. */
  'CXL protocol': {
    guid: '80b9efb4-52b5-4de3-a777-68784b771048',
    bytes: 116,
    fields: [
      [0, 1, 0b1111],
      [8, 1, 2],
      [18, 1, 0x0d],
      [24, 2, 0x8086],
      [26, 2, 0x0d93],
    ],
    address: 40,
  },
  'CXL general media': { guid: 'fbcd0a77-c260-417f-85a9-088b1621eba6', ...CXL_EVENT },
  'CXL DRAM': { guid: '601dcbb3-9c06-4eab-b8af-4e9bfb5c9624', ...CXL_EVENT },
  'CXL memory module': { guid: 'fe927475-dd59-4339-a586-79bab113b774', ...CXL_EVENT },
};

/** @param number of the error, among those of its kind. */
export function firmwareRecord(
  names: readonly SectionName[],
  severity: Severity,
  number: number,
): Buffer {
  const entries = Buffer.concat(names.map((name) => entryOf(SECTIONS[name], severity, number)));
  const block = Buffer.alloc(20);
  // Whether it holds an uncorrectable or a corrected error, and how many entries.
  const held = { recoverable: 0b01, fatal: 0b01, corrected: 0b10, informational: 0 }[severity];
  block.writeUInt32LE(held | (names.length << 4), 0);
  block.writeUInt32LE(entries.length, 12);
  block.writeUInt32LE(SEVERITIES[severity], 16);
  return Buffer.concat([block, entries]);
}

function entryOf(kind: Section, severity: Severity, number: number): Buffer {
  const section = sectionBytes(kind, number);
  const entry = Buffer.alloc(72);
  guidBytes(kind.guid).copy(entry, 0);
  entry.writeUInt32LE(SEVERITIES[severity], 16);
  entry.writeUInt16LE(0x300, 20); // revision
  entry.writeUInt32LE(section.length, 24);
  return Buffer.concat([entry, section]);
}

function sectionBytes({ bytes, fields, address }: Section, number: number): Buffer {
  const section = Buffer.alloc(bytes);
  for (const [offset, length, value] of fields) section.writeUIntLE(value, offset, length);
  section.writeUInt32LE(addressOf(number), address);
  return section;
}

/** What is different in each record, where it is an address. */
export function addressOf(number: number): number {
  return FIRST_ADDRESS + number * PAGE;
}

/** As UEFI 2.10, appendix A has it: the first three fields are numbers, the rest is bytes. */
function guidBytes(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
