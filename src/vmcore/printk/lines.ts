/** Iterates over the lines of a text, without line ends and what damage adds to them. */
export function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const next = newline === -1 ? text.length : newline;
    let end = next;
    // A file that was open when the power failed has a block of these where text should be.
    while (start < end && text[start] === '\0') start++;
    // A serial console adds one, and what records it may add another.
    while (end > start && text[end - 1] === '\r') end--;
    yield text.slice(start, end);
    start = next + 1;
  }
}
