// The page's only style sheet; it is inline, and the content security policy allows it by its hash.

import { createHash } from 'node:crypto';

const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--card:#f6f8fa;--bad:#b3261e;--bad-bg:#fdecea;--warn:#7a4d00;--warn-bg:#fff4d6;--ok:#116329;--ok-bg:#e3f5e8;--link:#0a58ca}
@media (prefers-color-scheme:dark){:root{--bg:#0f1318;--fg:#e6edf3;--dim:#9aa5b1;--line:#323a44;--card:#171d24;--bad:#ff9a92;--bad-bg:#3a1512;--warn:#f2c66b;--warn-bg:#332608;--ok:#7ee2a0;--ok-bg:#0f2d1a;--link:#79b8ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}
header,main,footer{max-width:62rem;margin:0 auto;padding:0 1rem}
header{padding-top:1rem}
h1{font-size:1.25rem;margin:0}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
h3{font-size:1.1rem;margin:0;line-height:1.3}
a{color:var(--link)}
a:focus-visible,input:focus-visible,select:focus-visible,button:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{position:static}
.dim,dt,caption,figcaption{color:var(--dim)}
.dim{margin:.2rem 0}
ul.status{list-style:none;padding:0;margin:1rem 0;display:grid;gap:.5rem}
ul.status li,article{border:1px solid var(--line);border-left:6px solid var(--dim);border-radius:6px;background:var(--card);padding:.6rem .9rem;overflow-wrap:anywhere}
article{margin:0 0 1rem}
.ok{border-left-color:var(--ok)!important}.bad{border-left-color:var(--bad)!important}.warn{border-left-color:var(--warn)!important}
.bad h3,.bad>strong,.gone,.failed{color:var(--bad)}.warn h3,.warn>strong{color:var(--warn)}.ok>strong{color:var(--ok)}
form,details[open]{display:flex;flex-wrap:wrap;gap:.75rem;align-items:end;margin:0 0 1rem}
label{display:grid;gap:.2rem;color:var(--dim);font-size:.9rem}
input,select,button{font:inherit;color:var(--fg);background:var(--bg);border:1px solid var(--dim);border-radius:4px;padding:.3rem .5rem;min-height:2.4rem;max-width:100%}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.6rem 0}
dd{margin:0;min-width:0}
code{font:.9rem/1.45 ui-monospace,monospace}
code.panic{display:block;background:var(--bg);border:1px solid var(--line);border-radius:4px;padding:.4rem .6rem;max-height:9rem;overflow:auto;white-space:pre-wrap}
table{overflow-wrap:normal;border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left}
th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-top:1px solid var(--line);vertical-align:top;font-weight:400}
thead th{color:var(--dim);border-top:0}
td.count,th.count{text-align:right}
tr.zero{color:var(--dim)}
.near{font-weight:700;color:var(--bad)}
figure{margin:.8rem 0}
figcaption{font-size:.9rem}
.timeline{display:block;font-size:13px;overflow:visible}
.timeline text{fill:var(--dim)}.timeline .name{fill:var(--fg)}
.timeline .row,.timeline .tick line{stroke:var(--line)}
.timeline .window{fill:var(--bad-bg)}
.timeline .mark{fill:var(--dim)}.timeline .mark.near{fill:var(--bad)}
.timeline line.panic{stroke:var(--bad);stroke-width:3}.timeline text.panic{fill:var(--bad);font-weight:700}
summary{color:var(--link);cursor:pointer}
details[open] summary{width:100%}
.hidden{position:absolute;left:-99rem}
.fleet,header:has(+.fleet){max-width:90rem}
.fleet table{font-size:.9rem}
.fleet td{overflow-wrap:anywhere}.fleet .day{white-space:nowrap}
.fleet td a{text-decoration:none}.fleet td a:hover{text-decoration:underline}
.fleet td:first-child{border-left:4px solid var(--dim);padding-left:.5rem}
.fleet .bad td:first-child{border-left-color:var(--bad)}.fleet .warn td:first-child{border-left-color:var(--warn)}.fleet .ok td:first-child{border-left-color:var(--ok)}
.fleet .bad .answer a{color:var(--bad);font-weight:700}
.fleet h2{font-size:1rem;margin:0;overflow-wrap:anywhere}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;padding:0;margin:.3rem 0}
footer{padding-bottom:2rem}
@media (min-width:60rem){.fleet td:first-child,.fleet .name{white-space:nowrap}}
@media (max-width:40rem){.wide,.minor{display:none}dl{column-gap:.6rem}th,td{padding-right:.5rem}}
`;

/** Contains exactly the text that is hashed below. */
export const STYLE_ELEMENT: string = ['<style>', STYLE, '</style>'].join('');

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Allows the page's own style sheet and icon, and nothing else. */
export const CONTENT_SECURITY_POLICY: Readonly<Record<string, readonly string[]>> = {
  'default-src': ["'none'"],
  'style-src': [`'sha256-${STYLE_HASH}'`],
  'img-src': ["'self'"],
  'form-action': ["'self'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
};

export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#b3261e"/><path d="M1 8h4l2-5 3 10 2-5h3" fill="none" stroke="#fff" stroke-width="1.6"/></svg>\n';
