// The page at /: what this is and where its answers are.

/** @param telemetryPath from the command line, escaped here. */
export function landingPage(version: string, telemetryPath: string): string {
  const metrics = escapeHtml(telemetryPath);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>hwerr-exporter</title></head>
<body>
<h1>hwerr-exporter</h1>
<p>Hardware errors that Linux survived before it crashed, read from its kdump vmcores.</p>
<p>Version ${escapeHtml(version)}</p>
<ul>
<li><a href="${metrics}">Metrics</a></li>
<li><a href="/-/healthy">Health</a></li>
<li><a href="/-/ready">Readiness</a></li>
</ul>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
