/** The public API of `lockstep-gpu/shards`, for programs that train in several processes. Node only. Re-exports only. */
export { type FoundShard, type Shard, shardFrom } from '../../platform/shard.js';
export { ShardResults, type ShardResultsOptions } from './results.js';
