/** Philox 4x32-10 in whole numbers of any size: the oracle of shaders/network/philox.wgsl.ts. */

type Words = readonly [number, number, number, number];

/** Salmon et al. 2011, table 2 and section 3.2. */
const MULTIPLIERS = [0xd2511f53n, 0xcd9e8d57n] as const;
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;
const ROUNDS = 10;

/** The words of a counter and a key. */
export function philox([a, b, c, d]: Words, [key0, key1]: readonly [number, number]): Words {
  let words: Words = [a >>> 0, b >>> 0, c >>> 0, d >>> 0];
  for (let round = 0; round < ROUNDS; round++) {
    const first = BigInt(words[0]) * MULTIPLIERS[0];
    const second = BigInt(words[2]) * MULTIPLIERS[1];
    const upper = (product: bigint) => Number(product >> 32n);
    const lower = (product: bigint) => Number(product & 0xffffffffn);
    words = [
      (upper(second) ^ words[1] ^ (key0 + round * WEYL[0])) >>> 0,
      lower(second),
      (upper(first) ^ words[3] ^ (key1 + round * WEYL[1])) >>> 0,
      lower(first),
    ];
  }
  return words;
}

/** The test vectors that are published with Random123 (kat_vectors): counter, key, words. */
export const VECTORS: readonly (readonly [Words, readonly [number, number], Words])[] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];
