/**
 * Makes orthonormal columns by Householder reflections, in float64 on the host: the Q of `A = QR`. R's diagonal is chosen
 * positive, which makes Q unique and equal to LAPACK's with the same signs.
 */

/**
 * @param matrix Row-major [m, n] with m >= n and full column rank; overwritten.
 * @returns Q, row-major [m, n].
 */
export function orthonormalColumns(matrix: Float64Array, m: number, n: number): Float64Array {
  const reflectors: Float64Array[] = [];
  const signs = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    const v = reflector(matrix, m, n, k);
    reflect(matrix, v, m, n, k);
    signs[k] = Math.sign(matrix[k * n + k]);
    reflectors.push(v);
  }
  // Q = H_0 ... H_{n-1} applied to the first n columns of the identity, each column times its sign in R.
  const q = new Float64Array(m * n);
  for (let k = 0; k < n; k++) q[k * n + k] = 1;
  for (let k = n - 1; k >= 0; k--) reflect(q, reflectors[k], m, n, k);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) q[i * n + j] *= signs[j];
  return q;
}

/** The unit vector, from row k on, whose reflection turns column k into a multiple of the k-th unit vector. */
function reflector(matrix: Float64Array, m: number, n: number, k: number): Float64Array {
  const v = new Float64Array(m);
  let squares = 0;
  for (let i = k; i < m; i++) {
    v[i] = matrix[i * n + k];
    squares += v[i] * v[i];
  }
  // Away from zero, so that nothing cancels.
  const shift = v[k] < 0 ? -Math.sqrt(squares) : Math.sqrt(squares);
  squares += 2 * shift * v[k] + shift * shift;
  v[k] += shift;
  const norm = Math.sqrt(squares);
  if (norm > 0) for (let i = k; i < m; i++) v[i] /= norm;
  return v;
}

/** `matrix -= 2 v (v^T matrix)`, rows from k on. */
function reflect(matrix: Float64Array, v: Float64Array, m: number, n: number, k: number): void {
  const dots = new Float64Array(n);
  for (let i = k; i < m; i++) for (let j = 0; j < n; j++) dots[j] += v[i] * matrix[i * n + j];
  for (let i = k; i < m; i++) for (let j = 0; j < n; j++) matrix[i * n + j] -= 2 * v[i] * dots[j];
}
