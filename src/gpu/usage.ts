/**
 * WebGPU's flags, with the values that the specification gives them. The constants themselves (`GPUBufferUsage`, `GPUMapMode`)
 * are globals only in browsers.
 */

/** The flags of `GPUBufferUsage` that compute work needs, to be joined by `|`. */
export const BufferUsage = {
  MAP_READ: 0x0001,
  MAP_WRITE: 0x0002,
  COPY_SRC: 0x0004,
  COPY_DST: 0x0008,
  UNIFORM: 0x0040,
  STORAGE: 0x0080,
  INDIRECT: 0x0100,
  QUERY_RESOLVE: 0x0200,
} as const;

/** `GPUMapMode.READ`. */
export const MAP_MODE_READ = 0x0001;
/** `GPUMapMode.WRITE`. */
export const MAP_MODE_WRITE = 0x0002;
