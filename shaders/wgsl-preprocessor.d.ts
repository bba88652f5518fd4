/** Types for wgsl-preprocessor 1.0, which ships none. */
declare module 'wgsl-preprocessor/wgsl-preprocessor.js' {
  /**
   * Template tag that resolves `#if ${condition}`, `#elif ${condition}`, `#else` and `#endif` lines; every other
   * value is inserted as text.
   */
  export function wgsl(strings: TemplateStringsArray, ...values: readonly unknown[]): string;
}
