// Seeds of the target `log`: what a kernel prints of each source of errors, as each tool writes it.

import { bytesOf } from '../support/builders/bytes.ts';

const X86 = `mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 9: bd000000000000c0
mce: [Hardware Error]: RIP !INEXACT! 10:<ffffffff81000010> {memcpy+0x1/0x2}
mce: [Hardware Error]: TSC d9d0231f7 ADDR 12345678 MISC 8c 
mce: [Hardware Error]: PROCESSOR 0:50654 TIME 1791000327 SOCKET 1 APIC 0 microcode 1
mce: Uncorrected hardware memory error in user-access at 12345000
Memory failure: 0x12345: recovery action for dirty LRU page: Recovered
[Hardware Error]: Deferred error, no action required.
[Hardware Error]: CPU:3 (19:1:1) MC17_STATUS[Over|CE|-|AddrV|CECC]: 0xd42040000000011b
[Hardware Error]: IPID: 0x0000009600650f00, Syndrome: 0x6bd210000a801002
[Hardware Error]: Unified Memory Controller Ext. Error Code: 0, DRAM ECC error.
EDAC MC0: 1 CE memory read error on CPU_SrcID#0_Ha#0_Chan#2_DIMM#0 (channel:2 slot:0 page:0x849923 offset:0x380 grain:32)
NMI: PCI system error (SERR) for reason b1 on CPU 0.
mce_notify_irq: 12 callbacks suppressed
BUG: unable to handle page fault for address: ffffc90000000000
CPU: 1 UID: 0 PID: 2 Comm: a b Tainted: G   M        6.17.0 #1
Hardware name: Maker Model/Board, BIOS 1.2 01/01/2020
RIP: 0010:kfree+0x1/0x2 [mod]
Call Trace:
 <TASK>
 ? guessed+0x1/0x2
 caller+0x1/0x2
---[ end trace 0000000000000000 ]---
Kernel panic - not syncing: Fatal exception`;

const FIRMWARE = `{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 1
{1}[Hardware Error]: event severity: recoverable
{1}[Hardware Error]:  Error 0, type: recoverable
{1}[Hardware Error]:   section_type: memory error
{1}[Hardware Error]:   physical_address: 0x0000000012345000
{1}[Hardware Error]:   DIMM location: A1
BERT: Total records found: 2
SError Interrupt on CPU2, code 0x00000000be000411 -- SError
Kernel panic - not syncing: Asynchronous SError Interrupt`;

const PCI = `pcieport 0000:00:1c.0: AER: Uncorrected (Non-Fatal) error received: 0000:03:00.0
igb 0000:03:00.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal), type=Transaction Layer, (Receiver ID)
igb 0000:03:00.0:   device [8086:1521] error status/mask=00004000/00400000
igb 0000:03:00.0:    [14] CmpltTO                (First)
pcieport 0000:00:1c.0: AER: device recovery failed
igb 0000:09:00.1: AER: aer_status: 0x00004000, aer_mask: 0x00000000
igb 0000:09:00.1: AER: aer_uncor_severity: 0x00066011
pcieport 0015:00:00.0: DPC: containment event, status:0x1f03, ERR_NONFATAL received from 0015:01:00.0
cxl_pci 0000:35:00.0: timeout awaiting mailbox ready, device state  fatal
zpci: 061a:00:00.0: Event 0x3b reports an error for PCI function 0x1a0
EEH: Recovering PHB#40-PE#10000
EEH: of node=0040:01:00.0
EEH: Recovery successful.`;

const POWER = `MCE: CPU24: machine check (Severe)  UE Load/Store DAR: c0000000 paddr: 0000000012345000 [Recovered]
MCE: CPU24: NIP: [c000000000088978] memcpy_power7+0x418/0x7e0
Severe Machine check interrupt [Not recovered]
  NIP: [c000000000088978]
  Error type: UE [Load/Store]
Severe Hypervisor Maintenance interrupt [Recovered]
 Error detail: Processor Recovery done
Fatal hardware error detected`;

/** Each line with a time and a caller of its own. */
function timed(text: string, prefix: string): string {
  const line = (words: string, i: number): string => `${prefix}[   ${i}.5] [  T${i % 3}] ${words}`;
  return text.split('\n').map(line).join('\n');
}

function dmesgJson(text: string): string {
  const dmesg = text
    .split('\n')
    .map((msg, time) => ({ fac: 'kern', pri: 'err', time, caller: 'T1', msg }));
  return JSON.stringify({ dmesg });
}

function journal(text: string): string {
  const entry = (MESSAGE: string, i: number): string =>
    JSON.stringify({
      __MONOTONIC_TIMESTAMP: String(i * 1_000_000),
      _TRANSPORT: 'kernel',
      _BOOT_ID: 'a',
      SYSLOG_FACILITY: '0',
      PRIORITY: '3',
      MESSAGE,
    });
  return text.split('\n').map(entry).join('\n');
}

/** By name; the first byte chooses the size of a page. */
export function logSeeds(): Record<string, Uint8Array> {
  const texts = {
    x86: timed(X86, 'kern  :err   : '),
    firmware: timed(FIRMWARE, '<3>'),
    pci: timed(PCI, ''),
    power: POWER,
    'dmesg-json': dmesgJson(FIRMWARE),
    journal: journal(PCI),
  };
  return Object.fromEntries(
    Object.entries(texts).map(([name, text], i) => [name, bytesOf(`${i}${text}`)]),
  );
}
