/**
 * fast-check, as all of the suite takes it: a property has less time than its test, so that one that fails slowly, or hangs, still
 * says its counterexample, or its seed, where the test's own limit would end it without a word of either.
 */
import fc from 'fast-check';

/** Of the 300 s that vitest.config.ts gives a test. */
const LIMIT_MS = 240_000;
fc.installGlobalPlugin(fc.interruptAfterTimeLimit(LIMIT_MS, { failOnInterrupt: true }));

export default fc;
