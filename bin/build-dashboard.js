// What `npm ci` runs at its end: builds the page of /dashboard, which takes a moment. Without the devDependencies there is
// nothing to build with; the service runs without the page, and says so there.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const vite = `${root}node_modules/vite/bin/vite.js`;

if (!existsSync(vite) || !existsSync(`${root}dashboard/index.html`)) {
  process.stdout.write(
    'dashboard: not built, since vite and preact (devDependencies) are not installed\n',
  );
} else {
  const { status } = spawnSync(
    process.execPath,
    [vite, 'build', 'dashboard', '--logLevel', 'warn'],
    {
      cwd: root,
      stdio: 'inherit',
    },
  );
  // An install does not fail for the page.
  if (status !== 0)
    process.stderr.write('dashboard: it could not be built (npm run build:dashboard)\n');
}
