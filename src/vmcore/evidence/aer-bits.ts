// Names of the bits in the AER status registers: drivers/pci/pcie/aer.c aer_correctable_error_string and
// aer_uncorrectable_error_string, including the long names of v4.17 and earlier.

const CORRECTABLE = new Set([
  ...['RxErr', 'BadTLP', 'BadDLLP', 'Rollover', 'Timeout', 'NonFatalErr', 'CorrIntErr', 'HeaderOF'],
  ...['Receiver Error', 'Bad TLP', 'Bad DLLP', 'RELAY_NUM Rollover', 'Replay Timer Timeout'],
  ...['Advisory Non-Fatal', 'Corrected Internal Error', 'Header Log Overflow'],
]);

const UNCORRECTABLE = new Set([
  ...['Undefined', 'DLP', 'SDES', 'TLP', 'FCP', 'CmpltTO', 'CmpltAbrt', 'UnxCmplt', 'RxOF'],
  ...['MalfTLP', 'ECRC', 'UnsupReq', 'ACSViol', 'UncorrIntErr', 'BlockedTLP', 'AtomicOpBlocked'],
  ...['TLPBlockedErr', 'PoisonTLPBlocked', 'DMWrReqBlocked', 'IDECheck', 'MisIDETLP', 'PCRC_CHECK'],
  ...['TLPXlatBlocked', 'Data Link Protocol', 'Surprise Down Error', 'Poisoned TLP'],
  ...['Flow Control Protocol', 'Completion Timeout', 'Completer Abort', 'Unexpected Completion'],
  ...['Receiver Overflow', 'Malformed TLP', 'Unsupported Request', 'ACS Violation'],
  ...['Uncorrectable Internal Error', 'MC Blocked TLP', 'AtomicOp Egress Blocked'],
  ...['TLP Prefix Blocked Error', 'Unknown Error Bit'],
]);

const BIT = /^\[ ?\d{1,2}\] ([^|]{1,64})/;

/** @returns the name of the bit in a line such as `[14] CmpltTO   (First)`; null for other lines. */
export function statusBit(text: string): string | null {
  const name = BIT.exec(text)?.[1]?.replace('(First)', '').trim();
  if (name === undefined) return null;
  return CORRECTABLE.has(name) || UNCORRECTABLE.has(name) ? name : null;
}

/** Whether a bit name from statusBit() is that of a corrected error. */
export function isCorrectable(bit: string): boolean {
  return CORRECTABLE.has(bit);
}
