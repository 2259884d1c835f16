import config from './jest.config.js';

/**
 * The fault suite: what the gateway promises for a bad day, tried. A test takes minutes and the machine to itself, so one
 * runs at a time, and none of them with `npm test`.
 *
 * @type {import('jest').Config}
 */
export default {
  ...config,
  testMatch: ['<rootDir>/test/faults/**/*.fault.ts'],
  maxWorkers: 1,
  testTimeout: 300_000,
};
