// Loaded into the program before itself (`node --import`): somebody sets the clock while it runs, as LOCKSTEP_FAULT says:
// `[300,-86400]` is by a day back, after 300 ms. The monotonic clock goes on, as it does where a clock is set.
const [after, seconds] = JSON.parse(process.env.LOCKSTEP_FAULT ?? '[0,0]');
const start = performance.now();
const { now } = Date;
const shifted = () => now() + (performance.now() - start >= after ? 1000 * seconds : 0);

Date.now = shifted;
globalThis.Date = new Proxy(Date, {
  construct: (System, given) => Reflect.construct(System, given.length === 0 ? [shifted()] : given),
});
