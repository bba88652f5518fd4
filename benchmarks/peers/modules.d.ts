// Peers are not dependencies of this package: they need not be there for the types to be checked.
declare module '@jax-js/jax';
declare module '@tensorflow/tfjs';
declare module '@tensorflow/tfjs-backend-webgpu';
