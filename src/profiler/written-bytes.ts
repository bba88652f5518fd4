/** The bytes that a call of `GPUQueue.writeBuffer` sends. */

/** As `writeBuffer` counts: offset and size in elements of a typed array, in bytes of anything else. Copies nothing. */
export function writtenBytes(
  data: GPUAllowSharedBufferSource,
  offset = 0,
  size?: number,
): Uint8Array<ArrayBuffer> {
  const { BYTES_PER_ELEMENT: unit = 1 } = data as { BYTES_PER_ELEMENT?: number };
  const length = size === undefined ? data.byteLength - offset * unit : size * unit;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset + offset * unit, length)
    : new Uint8Array(data as ArrayBuffer, offset, length);
}
