// The list of what is inside, as CycloneDX 1.6.

import { createHash } from 'node:crypto';

import { lockedPackages } from './tree.mjs';
import { describe } from './licences.mjs';

/**
 * @param packages folders of the npm packages that are inside, Node's among them.
 * @returns the document.
 */
export function sbom(packages, { arch, release }) {
  const { version, revision, date } = release;
  const locked = lockedPackages();
  const components = packages.map((folder) => {
    const { name, version, license } = describe(folder);
    const path = folder.slice(folder.indexOf('node_modules/'));
    const [algorithm, digest] = (locked[path] ?? nodeOf(locked, name)).integrity.split('-');
    const hash = { alg: algorithm === 'sha512' ? 'SHA-512' : algorithm, content: hex(digest) };
    return {
      type: name.startsWith('node-linux-') ? 'platform' : 'library',
      'bom-ref': `${name}@${version}`,
      name,
      version,
      licenses: [{ license: { name: license } }],
      purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
      hashes: [hash],
    };
  });
  const self = `hwerr-exporter@${version}`;
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(date).toISOString(),
      component: {
        type: 'application',
        'bom-ref': self,
        name: 'hwerr-exporter',
        version,
        licenses: [{ license: { id: 'Apache-2.0' } }],
        purl: `pkg:generic/hwerr-exporter@${version}?arch=${arch}&vcs_revision=${revision}`,
      },
    },
    components,
    dependencies: [{ ref: self, dependsOn: components.map((component) => component['bom-ref']) }],
  };
  const text = JSON.stringify(document);
  return `${JSON.stringify({ ...document, serialNumber: `urn:uuid:${uuidOf(text)}` }, null, 2)}\n`;
}

function nodeOf(locked, name) {
  return locked[`node_modules/${name}`];
}

function hex(base64) {
  return Buffer.from(base64, 'base64').toString('hex');
}

/** A UUID (version 8, RFC 9562) that is a digest. */
function uuidOf(text) {
  const digest = createHash('sha256').update(text).digest('hex');
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`];
  return [...parts, `8${digest.slice(17, 20)}`, digest.slice(20, 32)].join('-');
}
