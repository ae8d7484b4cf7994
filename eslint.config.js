import { existsSync } from 'node:fs';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['**/node_modules', '**/dist', 'data', 'coverage', 'eslint.config.js'] },
  // These import what only the benchmark installs; without their types every rule about types would fail.
  existsSync('bench/node_modules') ? {} : { ignores: ['bench/peers/stored'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      // Durability rests on awaited promises: a floating one is a lost write waiting to happen.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unnecessary-condition': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
    },
  },
  {
    // Imports point one way (docs/architecture.md): only the two entries of a process read the environment,
    // only the SQLite store imports node:sqlite, and the SDK knows nothing of the service.
    files: ['src/**/*.ts'],
    ignores: ['src/server.ts', 'src/cli/main.ts', 'src/sdk/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Configuration is passed in: see src/config/.',
        },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/store/sqlite/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'node:sqlite', message: 'Only src/store/sqlite may.' }] },
      ],
    },
  },
  {
    files: ['src/sdk/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['../*'], message: 'The SDK imports nothing of the service.' }] },
      ],
    },
  },
  // The launcher runs on any Node, so it is JavaScript without types.
  { files: ['bin/**/*.js'], ...tseslint.configs.disableTypeChecked },
  {
    // What a test logs and stores is searched for secrets at the end of the run (test/leaks): by way of these helpers.
    files: ['test/**/*.ts'],
    ignores: ['test/helpers/**', 'test/leaks/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'pino', message: 'testLog of test/helpers/log.ts.' },
            ...['node:fs', 'node:fs/promises'].map((name) => ({
              name,
              importNames: ['mkdtemp', 'mkdtempSync'],
              message: 'tempDir of test/helpers/temp-dir.ts.',
            })),
          ],
          patterns: [
            {
              group: ['**/src/store/*/store.ts'],
              importNames: ['openSqliteStore', 'openPostgresStore'],
              message: 'openSqlite and openPostgres of test/helpers/open-store.ts.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['examples/**/*.ts', 'bench/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
);
