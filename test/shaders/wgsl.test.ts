// The tag of the shaders: loops, variants, sums in a fixed order, and a layout as by hand.
import { describe, expect, it } from 'vitest';
import { wgsl } from '../../shaders/wgsl.js';

describe('wgsl', () => {
  it('writes a loop out for each item of a list', () => {
    const text = wgsl`
#for name in ${['x', 'y']}
let $name = at($name);
#endfor
`;
    expect(text).toBe('let x = at(x);\nlet y = at(y);');
  });

  it('takes numbers for 0 to n - 1, inserted and written', () => {
    expect(wgsl`
#for h in ${2}
#for i in 2
var w$h_$i = 0.0;
#endfor
#endfor`).toBe('var w0_0 = 0.0;\nvar w0_1 = 0.0;\nvar w1_0 = 0.0;\nvar w1_1 = 0.0;');
    expect(wgsl`
#for h in ${0}
var w$h = 0.0;
#endfor
let x = 1;`).toBe('let x = 1;');
  });

  it('names an item’s fields, and loops over those that are lists', () => {
    const units = [
      { unit: 3, features: [0, 1] },
      { unit: 5, features: [] },
    ];
    expect(wgsl`
#for of in ${units}
var b$of.unit = 0.0;
#for i in $of.features
b$of.unit += w$of.unit_$i;
#endfor
#endfor`).toBe('var b3 = 0.0;\nb3 += w3_0;\nb3 += w3_1;\nvar b5 = 0.0;');
  });

  it('tells a loop’s name from longer ones, and an item’s components from fields', () => {
    expect(wgsl`
#for r in ${[7]}
let a = row$r.x + $rest + x$r_0;
#endfor`).toBe('let a = row7.x + $rest + x7_0;');
  });

  it('refuses a field that an item has not, a loop without end, and a loop over nothing', () => {
    expect(
      () => wgsl`
#for of in ${[{ unit: 3 }]}
$of.units
#endfor`,
    ).toThrow('$of.units');
    expect(
      () => wgsl`
#for h in 3
x`,
    ).toThrow('#endfor');
    expect(
      () => wgsl`
#for h in units
x
#endfor`,
    ).toThrow('units');
  });

  it('keeps the lines of the variant that is asked for', () => {
    const shader = (kind: string) => wgsl`
a;
#if ${kind === 'b'}
b;
#elif ${kind === 'c'}
c;
#else
d;
#endif
e;`;
    expect(['b', 'c', 'd'].map(shader)).toEqual(['a;\nb;\ne;', 'a;\nc;\ne;', 'a;\nd;\ne;']);
  });

  it('keeps a variant inside a loop', () => {
    expect(wgsl`
#for h in 2
#if ${true}
a$h;
#endif
#endfor`).toBe('a0;\na1;');
  });

  it('lays out by brackets, with the blank lines that were written and no others', () => {
    const fragment = wgsl`
/** A fragment,
 * of a text.
 */
fn f(x: f32) -> f32 {


return x; // not a bracket: {

}
`;
    const text = wgsl`
      const lanes = ${8}u;

#if ${false}
nothing

#endif
${fragment}


@compute @workgroup_size(lanes)
fn main(
@builtin(local_invocation_index) id: u32,
) {
let y = f(1.0) +
f(2.0);
if (y > 0.0
&& id == 0u) {
a[
f(0.0)
+ 1.0
] = y;
} else { return; }
}
`;
    expect(text).toBe(`const lanes = 8u;

/** A fragment,
 * of a text.
 */
fn f(x: f32) -> f32 {
  return x; // not a bracket: {
}

@compute @workgroup_size(lanes)
fn main(
  @builtin(local_invocation_index) id: u32,
) {
  let y = f(1.0) +
    f(2.0);
  if (y > 0.0
    && id == 0u) {
    a[
      f(0.0)
      + 1.0
    ] = y;
  } else { return; }
}`);
  });
});

describe('sums', () => {
  it('add neighbours first, or in order', () => {
    const sums = [1, 2, 3, 4, 5].map((n) => wgsl`#sum(k in ${n}: x$k)`);
    expect(sums).toEqual([
      'x0',
      'x0 + x1',
      '(x0 + x1) + x2',
      '(x0 + x1) + (x2 + x3)',
      '((x0 + x1) + (x2 + x3)) + x4',
    ]);
    expect(wgsl`let y = #chain(k in ${['a', 'b', 'c']}: f($k, (1))) + 1.0;`).toBe(
      'let y = f(a, (1)) + f(b, (1)) + f(c, (1)) + 1.0;',
    );
  });

  it('take an item’s list in a loop, and stand in one another', () => {
    const tables = [
      { g: 0, bits: [0, 1] },
      { g: 1, bits: [2] },
    ];
    expect(wgsl`
#for t in ${tables}
let t$t.g = #chain(j in $t.bits: w$t.g_$j * f(#sum(k in 2: u$j_$k))) * 2.0;
#endfor`).toBe(
      'let t0 = w0_0 * f(u0_0 + u0_1) + w0_1 * f(u1_0 + u1_1) * 2.0;\nlet t1 = w1_2 * f(u2_0 + u2_1) * 2.0;',
    );
  });

  it('refuse what has no end', () => {
    expect(() => wgsl`let y = #sum(k in 3: f($k);`).toThrow('without end');
  });

  it('break what is too long for a line without another order', () => {
    const items = Array.from({ length: 11 }, (_, k) => ({ name: `aVariableOfALongName${k}` }));
    const long = wgsl`let x = #sum(v in ${items}: f($v.name));`;
    expect(Math.max(...long.split('\n').map((line) => line.length))).toBeLessThan(120);
    const plain = (text: string) => text.replace(/aVariableOfALongName|\s+/g, '');
    expect(plain(long)).toBe(plain(wgsl`let x = #sum(v in 11: f($v));`));
  });
});
