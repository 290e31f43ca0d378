/**
 * The direction of imports, as rules (`npm run arch`). Every rule says why in its comment, and
 * layering.test.ts proves that every rule bites on the files in violations/.
 */

const NPM = '(^|/)node_modules/';
const ENTRIES =
  '^src/(main|decode/(decode-worker|remote/fetch-thread)|ledger/write-thread|http/password-thread)\\.ts$';
const EDGES = 'decode|ingest|host|ledger|metrics|http';

/** What a shared ledger needs and no other. */
const POSTGRES = '^src/ledger/postgres(|-(claims|commands|dialect|engine|view))\\.ts$';

/** What whoever reads a kernel's memory stands on. */
const KERNEL = ['bytes/', 'memory/', 'kernel\\.ts$', 'container/vmcoreinfo\\.ts$'];

/** Inside src/vmcore: what a layer may import besides itself and errors.ts, limits.ts, report.ts. */
const layers = [
  { layer: 'bytes', may: [] },
  { layer: 'codec', may: ['bytes/'] },
  { layer: 'elf', may: ['bytes/'] },
  { layer: 'memory', may: ['bytes/'] },
  {
    layer: 'container',
    may: ['bytes/', 'codec/', 'elf/', 'memory/(physical-memory|page-cache)\\.ts$'],
  },
  { layer: 'arch', may: ['bytes/', 'memory/', 'container/(dump|vmcoreinfo)\\.ts$'] },
  { layer: 'symbols', may: ['bytes/', 'elf/', 'memory/', 'container/vmcoreinfo\\.ts$'] },
  { layer: 'hwerr', may: [...KERNEL, 'symbols/'] },
  { layer: 'printk', may: KERNEL },
  { layer: 'evidence', may: ['printk/record\\.ts$'] },
];

/** A package or Node module and the one place in src that may import it. `owner: null` = nobody. */
const owners = [
  { what: 'chokidar', owner: 'ingest/watcher\\.ts$', why: 'watching is one file' },
  {
    what: 'node:worker_threads',
    owner: '(thread|decode/remote/(remote-objects|fetch-thread))\\.ts$',
    why: 'decoding, waiting for the disk and checking a password go one way to a thread; who waits for a store sleeps',
  },
  { what: 'node:sqlite', owner: 'ledger/store\\.ts$', why: 'what is durable is one file' },
  { what: 'pg', owner: 'ledger/postgres\\.ts$', why: 'what is durable is one file' },
  {
    what: '@aws-sdk',
    owner: 'decode/remote/s3\\.ts$',
    why: 'it takes a second to load and has credentials: for buckets alone',
  },
  { what: 'express', owner: 'http/', why: 'the server can change without the daemon noticing' },
  { what: 'helmet', owner: 'http/', why: 'headers belong to the server' },
  { what: 'prom-client', owner: 'metrics/', why: 'should it be replaced, one folder changes' },
  {
    what: 'hash-wasm',
    owner: 'http/password-thread\\.ts$',
    why: 'passwords are checked at the door',
  },
  { what: 'yaml', owner: 'webconfig/', why: 'the only YAML is the web configuration' },
  { what: 'zod', owner: 'webconfig/', why: 'what others write is checked where it is read' },
  { what: 'commander', owner: '(cli/|process\\.ts$)', why: 'a command line is not configuration' },
  {
    what: 'node:fs',
    owner: '(decode/|ingest/|host/|ledger/|cli/|webconfig/|(config|standard-error|version)\\.ts$)',
    why: 'a scrape touches no file system: neither metrics nor http may reach for it',
  },
  {
    what: 'node:http',
    // web-config.ts asks node:tls whether a certificate will do; a listening socket is the ledger's lock
    owner: '(http/|decode/remote/http-object\\.ts$|webconfig/web-config\\.ts$|ledger/lock\\.ts$)',
    also: 'https|http2|net|tls|dgram',
    why: 'one network edge for those who come, one for what is fetched',
  },
  {
    what: 'node:child_process',
    owner: null,
    also: 'cluster',
    why: 'the exporter reads hostile files next to /var/crash: it starts no program, ever',
  },
];

/** The file an import of this package or Node module resolves to. */
function resolvedName({ what, also }) {
  if (!what.startsWith('node:')) return `${NPM}(@types/)?${what}/`;
  const names = [what.slice('node:'.length), also].filter(Boolean).join('|');
  return `^(node:)?(${names})(/|$)`;
}

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'vmcore-is-closed',
      comment: 'The decoder is a library: it knows nothing of the daemon around it.',
      severity: 'error',
      from: { path: '^src/vmcore/' },
      to: { path: '^src/', pathNot: '^src/vmcore/' },
    },
    {
      name: 'vmcore-has-no-io',
      comment:
        'Bytes in, report out. No Node module and no package; the only exceptions are decompressors.',
      severity: 'error',
      from: { path: '^src/vmcore/', pathNot: '^src/vmcore/codec/(zlib|zstd|snappy)\\.ts$' },
      to: { pathNot: '^src/' },
    },
    {
      name: 'vmcore-has-no-io-zlib',
      comment:
        'codec/zlib.ts and codec/zstd.ts may import node:zlib and nothing else from outside.',
      severity: 'error',
      from: { path: '^src/vmcore/codec/(zlib|zstd)\\.ts$' },
      to: { pathNot: '^(src/|(node:)?zlib$)' },
    },
    {
      name: 'vmcore-has-no-io-snappy',
      comment: 'codec/snappy.ts may import hysnappy and nothing else from outside.',
      severity: 'error',
      from: { path: '^src/vmcore/codec/snappy\\.ts$' },
      to: { pathNot: `^src/|${NPM}hysnappy/` },
    },
    ...layers.map(({ layer, may }) => ({
      name: `vmcore-order-${layer}`,
      comment: `Layers point one way. ${layer} may import: ${['itself', ...may].join(', ')}.`,
      severity: 'error',
      from: { path: `^src/vmcore/${layer}/` },
      to: {
        path: '^src/vmcore/',
        pathNot: `^src/vmcore/(${[`${layer}/`, '(errors|limits|report)\\.ts$', ...may].join('|')})`,
      },
    })),
    {
      name: 'vmcore-order-kernel',
      comment:
        'kernel.ts says which kernels a memory holds; it stands on machines, and on kallsyms for proof.',
      severity: 'error',
      from: { path: '^src/vmcore/kernel\\.ts$' },
      to: {
        path: '^src/vmcore/',
        pathNot:
          '^src/vmcore/(bytes/|arch/|memory/|container/(dump|vmcoreinfo)\\.ts$|symbols/kallsyms\\.ts$|(errors|limits)\\.ts$)',
      },
    },
    {
      name: 'vmcore-order-shared',
      comment: 'errors and limits are free to every layer, so they stand on none but bytes.',
      severity: 'error',
      from: { path: '^src/vmcore/(errors|limits)\\.ts$' },
      to: {
        path: '^src/vmcore/',
        pathNot: '^src/vmcore/(bytes/|(errors|limits)\\.ts$)',
      },
    },
    {
      name: 'vmcore-one-door',
      comment:
        'index.ts is the public face of the decoder, errors.ts what it may say of a dump; what is ' +
        'behind them may change freely. Telling errors apart does not load the decoder.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/vmcore/' },
      to: { path: '^src/vmcore/', pathNot: '^src/vmcore/(index|errors)\\.ts$' },
    },
    {
      name: 'edges-do-not-know-each-other',
      comment: 'host, ledger and http meet in app.ts, by arguments.',
      severity: 'error',
      from: { path: '^src/(host|ledger|http)/' },
      to: { path: `^src/(${EDGES})/`, pathNot: '^src/$1/' },
    },
    {
      name: 'ingest-decodes',
      comment: 'Ingest finds files and has them decoded; what becomes of them is handed on.',
      severity: 'error',
      from: { path: '^src/ingest/' },
      to: { path: `^src/(${EDGES})/`, pathNot: '^src/(ingest|decode)/' },
    },
    {
      name: 'decode-stands-on-the-host',
      comment: 'The worker reads a file, or the running kernel, and knows nobody who asks for it.',
      severity: 'error',
      from: { path: '^src/decode/' },
      to: { path: `^src/(${EDGES})/`, pathNot: '^src/(decode|host)/' },
    },
    {
      name: 'remote-is-loaded-when-needed',
      comment:
        'Who decodes files loads nothing that fetches; who fetches from a URL, nothing of AWS.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/decode/remote/' },
      to: { path: '^src/decode/remote/', dependencyTypesNot: ['type-only', 'dynamic-import'] },
    },
    {
      name: 'buckets-are-loaded-when-needed',
      comment: 'The SDK takes a second to load, and only s3:// needs it.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        path: '^src/decode/remote/s3\\.ts$',
        dependencyTypesNot: ['type-only', 'dynamic-import'],
      },
    },
    {
      name: 'postgres-is-loaded-when-needed',
      comment: 'Only --ledger.url needs a client of PostgreSQL.',
      severity: 'error',
      from: { path: '^src/', pathNot: POSTGRES },
      to: {
        path: POSTGRES,
        dependencyTypesNot: ['type-only', 'dynamic-import'],
      },
    },
    {
      name: 'metrics-know-only-the-ledger',
      comment:
        'Metrics are a projection of the ledger: the one arrow between edges. The state of the ' +
        'scans is handed to them as data, so they may know its type.',
      severity: 'error',
      from: { path: '^src/metrics/' },
      to: { path: '^src/(ingest|host|http)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'cli-is-thin',
      comment:
        'A command decodes files, finds them as the daemon does, looks whether kdump is armed, or reads the ledger; whatever serves or scrapes is the daemon.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: {
        path: '^src/(decode|ingest|host|metrics|http)/',
        pathNot:
          '^src/(decode/(decode-file|file-source|remote/(remote-objects|http-object))|ingest/(scan|scanner|file-names|permission-hint)|host/kexec-state)\\.ts$',
      },
    },
    {
      name: 'only-app-wires',
      comment:
        'Config, log and errors know no edge: putting edges together is the work of app.ts, and of ' +
        'status.ts, which shows the ledger to http.',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/(app|process|status)\\.ts$' },
      to: { path: `^src/(${EDGES}|cli)/` },
    },
    {
      name: 'nothing-imports-the-wiring',
      comment: 'app.ts, process.ts, main.ts and cli/ are the end of every arrow.',
      severity: 'error',
      from: { path: `^src/(vmcore|${EDGES})/` },
      to: { path: '^src/(cli/|(app|process|main)\\.ts$)' },
    },
    ...owners.map((entry) => ({
      name: `one-owner-${entry.what.replace('node:', '').replace('_', '-')}`,
      comment: `${entry.what} only in ${entry.owner ?? 'nothing'}: ${entry.why}.`,
      severity: 'error',
      from: entry.owner ? { path: '^src/', pathNot: `^src/${entry.owner}` } : { path: '^src/' },
      to: { path: resolvedName(entry) },
    })),
    {
      name: 'no-circular',
      comment: 'Two files that need each other are one file, or hide a third.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file nobody imports and that imports nobody is forgotten.',
      severity: 'error',
      from: { path: '^src/', orphan: true, pathNot: '^src/main\\.ts$' },
      to: {},
    },
    {
      name: 'not-to-unresolvable',
      comment: 'An import that resolves to nothing would slip past every other rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'not-to-dev-dep',
      comment: 'What runs in production is in dependencies.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: `${NPM}@types/`,
      },
    },
    {
      name: 'no-dep-on-test',
      comment: 'dist/ has no test folder.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|dist|deploy)/' },
    },
    {
      name: 'not-reachable-from-main',
      comment: 'Dead code: neither the program nor the decode worker gets there.',
      severity: 'error',
      from: { path: ENTRIES },
      to: { path: '^src/', pathNot: ENTRIES, reachable: false },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: new URL('../../tsconfig.json', import.meta.url).pathname },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
    detectProcessBuiltinModuleCalls: true,
  },
};
