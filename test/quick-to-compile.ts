/**
 * Has Mesa's CPU driver compile kernels without LLVM's optimizations, in half the time and to slower code. For test files that
 * compile for much longer than they run: they import this before a device is opened. Other drivers take no notice.
 * https://docs.mesa3d.org/envvars.html, GALLIVM_PERF.
 */
process.env.GALLIVM_PERF = 'nopt';
