// Locations in the memory system, in the words of drivers and firmware.

/**
 * A word as printed by cper_mem_err_location() (drivers/firmware/efi/cper.c) and, with other keys, by EDAC
 * drivers.
 */
const WORD = /^[a-z_]{1,20}:(?:0x)?[0-9a-f]{1,16}$/;
/** The requestor of a memory access, which is not its location. */
const BUS_ID = /^(?:requestor|responder|target)_id:/;
/** Maximum number of words. */
const WORDS = 16;

/**
 * @param text words such as `channel:2 slot:0`, or `node: 1 card: 4` of kernels before 6.1.
 * @returns the leading words as `key:value`; null if there are none.
 */
export function locationWords(text: string): string | null {
  const words: string[] = [];
  let key = '';
  for (const word of text.trim().split(/\s/, WORDS * 2)) {
    if (word === '') continue;
    if (key === '' && word.endsWith(':')) {
      key = word;
      continue;
    }
    if (!WORD.test(key + word) || BUS_ID.test(key + word)) break;
    words.push(key + word);
    key = '';
  }
  return words.length === 0 ? null : words.join(' ');
}
