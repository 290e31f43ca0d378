// The frame of every page, without scripts and external resources.

import { Html, html } from './html.ts';
import { STYLE_ELEMENT } from './style.ts';

/**
 * Returns a page as HTML.
 *
 * @param up relative path from the page to the status page: '' or '../'.
 */
export function document(title: string, body: Html, up = ''): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="${up}icon.svg" type="image/svg+xml" />
        ${new Html(STYLE_ELEMENT)}
      </head>
      <body>
        ${body}
      </body>
    </html> `.markup;
}
