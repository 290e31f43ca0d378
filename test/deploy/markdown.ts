// Just enough Markdown: headings as anchors, links, code blocks.

/** The anchors that headings get, as GitHub makes them. */
export function anchorsOf(markdown: string): string[] {
  const headings = withoutCode(markdown).matchAll(/^#{1,6} (.+)$/gm);
  return [...headings].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

/** Targets of links and pictures. */
export function linksIn(markdown: string): string[] {
  return [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** Code blocks that begin with that line after the fence, such as `sh` or `sh run`. */
export function codeBlocks(markdown: string, kind: string): string[] {
  const blocks = markdown.matchAll(/^```(.*)\n([^]*?)^```$/gm);
  return [...blocks].filter(([, info]) => info === kind).map(([, , code = '']) => code);
}

function withoutCode(markdown: string): string {
  return markdown
    .replace(/^```[^]*?^```$/gm, '')
    .replace(/`[^`\n]*`/g, (code) => code.replace(/[()[\]]/g, ''));
}
