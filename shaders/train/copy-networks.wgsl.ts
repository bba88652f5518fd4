/**
 * Copies the weights of trained networks out of their runs' states into the plain layout that scoring reads. In a
 * state, each training kernel has its own order of parameters, and moments in between. For every training kernel and
 * any shape.
 */
import { Struct } from '../shared/struct.js';
import { wgsl } from '../wgsl.js';

/** Invocations of a workgroup. Each copies one parameter; along y there is one network after the other. */
export const COPY_INVOCATIONS = 256;

/**
 * The uniform. live: how many of the network's features were trained. The other fields are the layout of the networks
 * (`NetworkLayout` in src/kernels/train/networks.ts) and of a state.
 */
export const COPY_SHAPE = new Struct('Shape', {
  hidden: 'u32',
  live: 'u32',
  stateFloats: 'u32',
  networkFloats: 'u32',
  pitch: 'u32',
  vectorsAt: 'u32',
  outputBiasAt: 'u32',
});

/** Bindings: src/kernels/train/networks.ts. */
export const copyNetworks = (): string => wgsl`
const invocations = ${COPY_INVOCATIONS}u;

${COPY_SHAPE.wgsl}

@group(0) @binding(0) var<uniform> shape: Shape;
/** [parameter: w1, b1, w2, b2] The index of the float that holds it in a state. */
@group(0) @binding(1) var<storage, read> places: array<u32>;
/** [network] Its slot. */
@group(0) @binding(2) var<storage, read> slots: array<u32>;
/** [network][live feature] The column of the network's w1 to which it belongs. */
@group(0) @binding(3) var<storage, read> columns: array<u32>;
/** [slot] */
@group(0) @binding(4) var<storage, read> states: array<f32>;
/** [network] */
@group(0) @binding(5) var<storage, read_write> networks: array<f32>;

@compute @workgroup_size(invocations)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let parameter = id.y * groups.x * invocations + id.x;
  let network = id.z;
  let matrix = shape.hidden * shape.live;
  let outputBias = matrix + 2u * shape.hidden;
  if (parameter > outputBias) { return; }
  var to = shape.outputBiasAt;
  if (parameter < matrix) {
    let column = columns[network * shape.live + parameter % shape.live];
    to = (parameter / shape.live) * shape.pitch + column;
  } else if (parameter < outputBias) {
    to = shape.vectorsAt + parameter - matrix;
  }
  networks[network * shape.networkFloats + to] = states[slots[network] * shape.stateFloats + places[parameter]];
}
`;
