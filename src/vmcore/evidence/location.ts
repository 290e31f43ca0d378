// Where in the memory system an error was, as drivers and firmware word it.

/** The order of cper_mem_err_location() (drivers/firmware/efi/cper.c); EDAC drivers have their own. */
const WORD = /^[a-z_]{1,20}:(?:0x)?[0-9a-f]{1,16}$/;
/** Who asked for the memory is not where it is. */
const BUS_ID = /^(?:requestor|responder|target)_id:/;
/** Words looked at. */
const WORDS = 16;

/**
 * @param text words such as `channel:2 slot:0`, or `node: 1 card: 4` of kernels before 6.1.
 * @returns the leading ones as `key:value`, null when there is none.
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
