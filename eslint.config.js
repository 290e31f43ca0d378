import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const PURE = 'src/vmcore is pure: bytes in, report out. Pass it in as an argument instead.';

const impureGlobals = [
  ...['Buffer', 'process', 'console', 'performance', 'crypto', 'fetch', 'globalThis'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
];

/** Node globals that plain JavaScript files (test/*.mjs) may use; TypeScript checks its own. */
const nodeGlobals = Object.fromEntries(
  [
    ...['AbortSignal', 'Buffer', 'TextDecoder', 'URL', 'console', 'fetch'],
    ...['clearInterval', 'clearTimeout', 'performance', 'process', 'setInterval', 'setTimeout'],
    'structuredClone',
  ].map((name) => [name, 'readonly']),
);

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'test/architecture/violations/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      eqeqeq: 'error',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Export by name.' },
        { selector: 'TSEnumDeclaration', message: 'Use a union of string literals.' },
      ],
    },
  },
  {
    files: ['src/**'],
    rules: {
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
    },
  },
  {
    files: ['src/vmcore/**'],
    rules: {
      'no-restricted-globals': ['error', ...impureGlobals.map((name) => ({ name, message: PURE }))],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: PURE },
        { object: 'Math', property: 'random', message: PURE },
      ],
      'no-restricted-imports': ['error', { patterns: [{ regex: '^[^.]', message: PURE }] }],
    },
  },
  {
    // Hot loops over bytes whose bounds the loop itself establishes.
    files: ['src/vmcore/codec/**'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines-per-function': 'off',
    },
  },
  {
    // The only adapters to code that is not ours; test/architecture says exactly which package.
    files: ['src/vmcore/codec/{zlib,zstd,snappy,sha256}.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    files: ['test/**'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: nodeGlobals },
  },
  {
    files: ['**/*.cjs'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
    languageOptions: { sourceType: 'commonjs', globals: { __dirname: 'readonly' } },
  },
  {
    // These tools read their settings from a default export.
    files: [
      'eslint.config.js',
      'test/vitest.config.ts',
      'test/lab/vitest.config.ts',
      'test/architecture/dependency-cruiser.mjs',
    ],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
