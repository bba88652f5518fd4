;; The loops of shuffle-vectors.ts: MT19937's recurrence and its tempering, where each swap of a Fisher-Yates shuffle
;; reaches (both by 128-bit vectors), and the swaps. `npm run assemble` makes shuffle.wasm.ts of this file.
;;
;; Memory, in bytes. The globals say the same to TypeScript; a load's or store's offset must be a number.
;;       0  $states  five blocks of the generator's 624 words before tempering
;;   12480  $words   the five blocks after tempering, and 12 bytes that the last vector may reach into
;;   24972  $moved   how many elements the table holds
;;   24976  $list    the list, or the table of those of its elements that were moved
;; All loops run from address $at up to, not including, $end. Addresses are in bytes, positions and lengths in elements.
(module
  (memory (export "memory") 1)
  (global (export "blocks") i32 (i32.const 5))
  (global (export "states") i32 (i32.const 0))
  (global (export "words") i32 (i32.const 12480))
  (global (export "moved") i32 (i32.const 24972))
  (global (export "list") i32 (i32.const 24976))

  ;; Whole numbers from 0 on.
  (func (export "fill") (param $at i32) (param $end i32)
    (local $numbers v128)
    (local.set $numbers (v128.const i32x4 0 1 2 3))
    (if (i32.lt_u (local.get $at) (local.get $end)) (then
      (loop $next
        (v128.store align=4 (local.get $at) (local.get $numbers))
        (local.set $numbers (i32x4.add (local.get $numbers) (v128.const i32x4 4 4 4 4)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))))

  ;; The words that follow those from $at to $end in $states, and their tempered outputs in $words (Matsumoto and
  ;; Nishimura 1998). The nearest word that one depends on is 227 before it, so the four of a vector do not need one
  ;; another.
  (func (export "twist") (param $at i32) (param $end i32)
    (local $x v128)
    (if (i32.lt_u (local.get $at) (local.get $end)) (then
      (loop $next
        (local.set $x (v128.load offset=4 align=4 (local.get $at)))
        (v128.store offset=2496 align=4 (local.get $at)             ;; a block of 624 words later
          (local.tee $x
            (v128.xor
              (v128.xor
                (v128.load offset=1588 align=4 (local.get $at))     ;; 397 words later
                (i32x4.shr_u                                        ;; the top bit of one word, the rest of the next
                  (v128.bitselect
                    (v128.load align=4 (local.get $at))
                    (local.get $x)
                    (v128.const i32x4 0x80000000 0x80000000 0x80000000 0x80000000))
                  (i32.const 1)))
              (v128.and                                             ;; the matrix, where the next word is odd
                (i32x4.neg (v128.and (local.get $x) (v128.const i32x4 1 1 1 1)))
                (v128.const i32x4 0x9908b0df 0x9908b0df 0x9908b0df 0x9908b0df)))))
        ;; Tempering.
        (local.set $x (v128.xor (local.get $x) (i32x4.shr_u (local.get $x) (i32.const 11))))
        (local.set $x
          (v128.xor (local.get $x)
            (v128.and
              (i32x4.shl (local.get $x) (i32.const 7))
              (v128.const i32x4 0x9d2c5680 0x9d2c5680 0x9d2c5680 0x9d2c5680))))
        (local.set $x
          (v128.xor (local.get $x)
            (v128.and
              (i32x4.shl (local.get $x) (i32.const 15))
              (v128.const i32x4 0xefc60000 0xefc60000 0xefc60000 0xefc60000))))
        (v128.store offset=14976 align=4 (local.get $at)            ;; $words, a block later
          (v128.xor (local.get $x) (i32x4.shr_u (local.get $x) (i32.const 18))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))))

  ;; In place of each word, where the swap at position $first and on reaches: i + word mod (length - i).
  ;;
  ;; The quotient is rounded to the nearest whole number by adding 2^52: the double that results has the whole number
  ;; in its low bits. It is off by less than one, so the remainder is between -left and left, and exact in 32 bits,
  ;; for left is below 2^28; where it is negative, left is missing.
  (func (export "reach") (param $at i32) (param $end i32) (param $first i32) (param $length i32)
    (local $word v128) (local $i v128) (local $left v128) (local $left_low v128) (local $left_high v128)
    (local $rest v128)
    (local.set $i (i32x4.add (i32x4.splat (local.get $first)) (v128.const i32x4 0 1 2 3)))
    (local.set $left (i32x4.sub (i32x4.splat (local.get $length)) (local.get $i)))
    (local.set $left_low (f64x2.convert_low_i32x4_s (local.get $left)))
    (local.set $left_high
      (f64x2.convert_low_i32x4_s
        (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 (local.get $left) (local.get $left))))
    (if (i32.lt_u (local.get $at) (local.get $end)) (then
      (loop $next
        (local.set $word (v128.load align=4 (local.get $at)))
        (local.set $rest
          (i32x4.sub
            (local.get $word)
            (i32x4.mul
              (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27   ;; the low words of four doubles
                (f64x2.add
                  (f64x2.div (f64x2.convert_low_i32x4_u (local.get $word)) (local.get $left_low))
                  (v128.const f64x2 4503599627370496 4503599627370496))
                (f64x2.add
                  (f64x2.div
                    (f64x2.convert_low_i32x4_u
                      (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15
                        (local.get $word) (local.get $word)))
                    (local.get $left_high))
                  (v128.const f64x2 4503599627370496 4503599627370496)))
              (local.get $left))))
        (v128.store align=4 (local.get $at)
          (i32x4.add
            (i32x4.add
              (local.get $rest)
              (v128.and (i32x4.shr_s (local.get $rest) (i32.const 31)) (local.get $left)))
            (local.get $i)))
        (local.set $i (i32x4.add (local.get $i) (v128.const i32x4 4 4 4 4)))
        (local.set $left (i32x4.sub (local.get $left) (v128.const i32x4 4 4 4 4)))
        (local.set $left_low (f64x2.sub (local.get $left_low) (v128.const f64x2 4 4)))
        (local.set $left_high (f64x2.sub (local.get $left_high) (v128.const f64x2 4 4)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))))

  ;; The swaps at position $first and on; in place of where each reaches, what it finds there. The slot before the
  ;; position is never read again, so it is not written. Four swaps a round, then one: the loop costs as much as a swap.
  (func (export "swap") (param $at i32) (param $end i32) (param $first i32)
    (local $here i32) (local $there i32)
    (local.set $here (i32.shl (local.get $first) (i32.const 2)))
    (if (i32.lt_u (i32.add (local.get $at) (i32.const 12)) (local.get $end)) (then
      (loop $next_four
        (local.set $there (i32.shl (i32.load (local.get $at)) (i32.const 2)))
        (i32.store (local.get $at) (i32.load offset=24976 (local.get $there)))
        (i32.store offset=24976 (local.get $there) (i32.load offset=24976 (local.get $here)))
        (local.set $there (i32.shl (i32.load offset=4 (local.get $at)) (i32.const 2)))
        (i32.store offset=4 (local.get $at) (i32.load offset=24976 (local.get $there)))
        (i32.store offset=24976 (local.get $there) (i32.load offset=24980 (local.get $here)))
        (local.set $there (i32.shl (i32.load offset=8 (local.get $at)) (i32.const 2)))
        (i32.store offset=8 (local.get $at) (i32.load offset=24976 (local.get $there)))
        (i32.store offset=24976 (local.get $there) (i32.load offset=24984 (local.get $here)))
        (local.set $there (i32.shl (i32.load offset=12 (local.get $at)) (i32.const 2)))
        (i32.store offset=12 (local.get $at) (i32.load offset=24976 (local.get $there)))
        (i32.store offset=24976 (local.get $there) (i32.load offset=24988 (local.get $here)))
        (local.set $here (i32.add (local.get $here) (i32.const 16)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br_if $next_four (i32.lt_u (i32.add (local.get $at) (i32.const 12)) (local.get $end))))))
    (if (i32.lt_u (local.get $at) (local.get $end)) (then
      (loop $next
        (local.set $there (i32.shl (i32.load (local.get $at)) (i32.const 2)))
        (i32.store (local.get $at) (i32.load offset=24976 (local.get $there)))
        (i32.store offset=24976 (local.get $there) (i32.load offset=24976 (local.get $here)))
        (local.set $here (i32.add (local.get $here) (i32.const 4)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))))

  ;; As swap, on a list of which only a table is there: pairs of a slot's number plus 1, which is the key, and its element
  ;; where that is another than its number. A slot's own place in the table is its number times $scale / 2^32, or the next
  ;; free one after that: the slots swapped with are random as they are, and those at the position are looked up one after
  ;; the other. The search stands here twice: as a function it made this loop take 1.6 times as long.
  (func (export "swapMoved") (param $at i32) (param $end i32) (param $position i32) (param $scale i32)
    (local $slot i32) (local $place i32) (local $key i32) (local $moving i32)
    (if (i32.lt_u (local.get $at) (local.get $end)) (then
      (loop $next
        ;; $moving: what stands at the position. Where $key is 0 the slot is not in the table: it was not moved.
        (local.set $place
          (i32.shl
            (i32.wrap_i64
              (i64.shr_u
                (i64.mul (i64.extend_i32_u (local.get $position)) (i64.extend_i32_u (local.get $scale)))
                (i64.const 32)))
            (i32.const 3)))
        (block $found_position
          (loop $further
            (br_if $found_position (i32.eqz (local.tee $key (i32.load offset=24976 (local.get $place)))))
            (br_if $found_position (i32.eq (local.get $key) (i32.add (local.get $position) (i32.const 1))))
            (local.set $place (i32.add (local.get $place) (i32.const 8)))
            (br $further)))
        (local.set $moving
          (select (i32.load offset=24980 (local.get $place)) (local.get $position) (local.get $key)))
        ;; It changes places with what stands in $slot.
        (local.set $slot (i32.load (local.get $at)))
        (local.set $place
          (i32.shl
            (i32.wrap_i64
              (i64.shr_u
                (i64.mul (i64.extend_i32_u (local.get $slot)) (i64.extend_i32_u (local.get $scale)))
                (i64.const 32)))
            (i32.const 3)))
        (block $found_slot
          (loop $further
            (br_if $found_slot (i32.eqz (local.tee $key (i32.load offset=24976 (local.get $place)))))
            (br_if $found_slot (i32.eq (local.get $key) (i32.add (local.get $slot) (i32.const 1))))
            (local.set $place (i32.add (local.get $place) (i32.const 8)))
            (br $further)))
        (i32.store (local.get $at)
          (select (i32.load offset=24980 (local.get $place)) (local.get $slot) (local.get $key)))
        (i32.store offset=24972 (i32.const 0)                       ;; one more in the table where the place was free
          (i32.add (i32.load offset=24972 (i32.const 0)) (i32.eqz (local.get $key))))
        (i32.store offset=24976 (local.get $place) (i32.add (local.get $slot) (i32.const 1)))
        (i32.store offset=24980 (local.get $place) (local.get $moving))
        (local.set $position (i32.add (local.get $position) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $at) (local.get $end))))))))
