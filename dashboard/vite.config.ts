import { defineConfig } from 'vite';

/** Everything under /dashboard/, with names that change with their content; nothing inline, for the page's CSP. */
export default defineConfig({
  root: import.meta.dirname,
  base: '/dashboard/',
  publicDir: false,
  // Of npm run dev:dashboard: what it shows is of a service on the default port.
  server: { proxy: { '/v1': 'http://127.0.0.1:8000' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
});
