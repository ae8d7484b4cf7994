import { defineConfig } from 'vitest/config';
import { faultTests } from './vitest.config.ts';

/** They wait for leases and clocks most of the time, and none of them is about how fast something is. */
const patient = ['planted-bugs', 'stopped', 'clock-jumps', 'shutdowns'].map(
  (name) => `test/faults/${name}.test.ts`,
);

/**
 * Each experiment that uses all cores or measures something has the machine to itself, the patient ones run two at a
 * time. The short form runs all of them so: it is less about figures than about what goes wrong.
 */
const groups = [
  { name: 'alone', include: faultTests, exclude: patient, maxWorkers: 1 },
  { name: 'patient', include: patient, maxWorkers: 2 },
];
const all = [{ name: 'short', include: faultTests, maxWorkers: 2 }];

/** All of them in 10 minutes; with FAULTS=short in one. test/faults/harness/experiment.ts says what else to set. */
export default defineConfig({
  test: {
    globalSetup: ['test/helpers/postgres-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 30_000,
    restoreMocks: true,
    projects: (process.env['FAULTS'] === 'short' ? all : groups).map((group, groupOrder) => ({
      extends: true as const,
      test: { ...group, sequence: { groupOrder } },
    })),
  },
});
