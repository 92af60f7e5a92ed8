/**
 * Batch normalisation, forward and backward, as `src/kernels/batchNorm.ts` says. Where channels are long, a first phase takes
 * the statistics of pieces of the images, and every part of the second combines those of its channels (Chan, Golub &
 * LeVeque 1983).
 */
import type { FunctionBuilder, Variable } from "../assembler/function.ts";
import { f32x4, i32, type V128, v128 } from "../assembler/instructions.ts";
import { madd, nmadd } from "../vectors/arithmetic.ts";
import { type Division, divisionOf, Group } from "./channels.ts";
import type { KernelCall, Phase, WasmKernel } from "./kernel.ts";

/** Numbers of a group's channels, by column. Means are less the channels' first elements. */
interface Statistics {
  readonly mean: readonly V128[];
  /** Sums of differences from the mean, which are what rounding took from it, and of their squares. */
  readonly rests: readonly V128[];
  readonly squares: readonly V128[];
  /** Backward: sums of the gradient that arrives, and of its products with differences from the mean. */
  readonly arriving?: readonly V128[] | undefined;
  readonly products?: readonly V128[] | undefined;
}

type Part = {
  readonly group: Group;
  /** The channels' first elements: differences from them keep the digits that an offset would take. */
  readonly origin: readonly V128[];
} & Statistics;

export const batchNorm: WasmKernel = (call) =>
  phasesOf(call, false, (f, { group, origin, mean, squares }) => {
    const { load, store, features } = call;
    const variance = variances(f, call, squares);
    const rate = rates(f, call, variance);
    const [weight, bias] = [load.weight, load.bias].map((hook) => group.numbers(hook));
    const scale = rate.map((each, n) => f.keep(f32x4.mul(each, weight[n])));
    group.overImages((image) => {
      const [element, keep] = [image.load(load.element), image.store(store.store)];
      image.each((place) => {
        const n = place.column;
        const x = f32x4.sub(f32x4.sub(element(place), origin[n]), mean[n]);
        keep(place, madd({ f, features }, x, scale[n], bias[n]));
      });
    });
    once(f, group, () => {
      // With an infinite element both are NaN.
      const strange = variance.map((each) => f32x4.ne(each, each));
      const means = mean.map((each, n) => f.keep(v128.or(f32x4.add(origin[n], each), strange[n])));
      group.storeNumbers(store.storeMean, means);
      group.storeNumbers(store.storeVariance, variance);
    });
  });

export const batchNormGradient: WasmKernel = (call) =>
  phasesOf(call, true, (f, { group, origin, mean, squares, arriving = [], products = [] }) => {
    const { load, store, constants } = call;
    const rate = rates(f, call, variances(f, call, squares));
    const weight = group.numbers(load.weight);
    const scale = rate.map((each, n) => f.keep(f32x4.mul(each, weight[n])));
    const count = number(f, constants.COUNT);
    const meanArriving = arriving.map((sum) => f.keep(f32x4.div(sum, count)));
    // All are NaN where the gradient is infinite somewhere.
    const all = products.map((sum, n) => f.keep(f32x4.add(sum, f32x4.mul(arriving[n], number(f, 0)))));
    const slope = all.map((sum, n) => f.keep(f32x4.mul(f32x4.div(sum, count), f32x4.mul(rate[n], rate[n]))));
    group.overImages((image) => {
      const [element, gradient] = [image.load(load.element), image.load(load.arriving)];
      const keep = image.store(store.store);
      image.each((place) => {
        const n = place.column;
        const x = f32x4.sub(f32x4.sub(element(place), origin[n]), mean[n]);
        const below = f32x4.sub(f32x4.sub(gradient(place), meanArriving[n]), f32x4.mul(x, slope[n]));
        keep(place, f32x4.mul(below, scale[n]));
      });
    });
    once(f, group, () => {
      group.storeNumbers(
        store.storeWeight,
        all.map((sum, n) => f.keep(f32x4.mul(sum, rate[n]))),
      );
      group.storeNumbers(store.storeBias, arriving);
    });
  });

/** The phases of a norm: `apply` writes what is done once a part's statistics are those of whole channels. */
function phasesOf(
  call: KernelCall,
  isBackward: boolean,
  apply: (f: FunctionBuilder, part: Part) => void,
): readonly Phase[] {
  const division = divisionOf(call.constants);
  const { groups, pieces, channels } = division;
  const parts = groups * pieces;
  const begin = (f: FunctionBuilder, part: Parameters<Phase["build"]>[1]) => {
    const group = new Group(f, division, part);
    return { group, origin: group.numbers(call.load.element, true) };
  };
  if (pieces === 1) {
    const build: Phase["build"] = (f, part) => {
      const begun = begin(f, part);
      apply(f, { ...begun, ...settled(f, call, statistics(f, call, begun, isBackward)) });
    };
    return [{ parts, build }];
  }
  const memory = Array.from({ length: isBackward ? 5 : 3 }, () => call.scratch(4 * pieces * channels));
  return [
    {
      parts,
      build(f, part) {
        const begun = begin(f, part);
        const { mean, rests, squares, arriving, products } = statistics(f, call, begun, isBackward);
        [mean, rests, squares, arriving, products].forEach((numbers, n) => {
          if (numbers) begun.group.keep(memory[n], numbers);
        });
      },
    },
    {
      parts,
      build(f, part) {
        const begun = begin(f, part);
        apply(f, { ...begun, ...settled(f, call, combined(f, call, begun.group, division, memory)) });
      },
    },
  ];
}

/** The statistics of a part's piece of the images. */
function statistics(
  f: FunctionBuilder,
  { load }: KernelCall,
  { group, origin }: Pick<Part, "group" | "origin">,
  isBackward: boolean,
): Statistics {
  const sums = group.sums();
  const arriving = isBackward ? group.sums() : undefined;
  group.overImages((image) => {
    const element = image.load(load.element);
    const gradient = arriving && image.load(load.arriving);
    image.each((place) => {
      sums.take(f32x4.sub(element(place), origin[place.column]), place);
      if (gradient) arriving?.take(gradient(place), place);
    });
  });
  const count = group.countOf(group.piece);
  const mean = sums.results().map((sum) => f.keep(f32x4.div(sum, count)));
  const [rests, squares] = [group.sums(), group.sums()];
  const products = isBackward ? group.sums() : undefined;
  group.overImages((image) => {
    const element = image.load(load.element);
    const gradient = products && image.load(load.arriving);
    image.each((place) => {
      const n = place.column;
      const x = f.keep(f32x4.sub(f32x4.sub(element(place), origin[n]), mean[n]));
      rests.take(x, place);
      squares.take(f32x4.mul(x, x), place);
      if (gradient) products?.take(f32x4.mul(x, gradient(place)), place);
    });
  });
  return {
    mean,
    rests: rests.results(),
    squares: squares.results(),
    arriving: arriving?.results(),
    products: products?.results(),
  };
}

/** The statistics of whole channels, of those of all pieces. */
function combined(
  f: FunctionBuilder,
  { constants, features }: KernelCall,
  group: Group,
  { pieces, columns }: Division,
  memory: readonly number[],
): Statistics {
  const context = { f, features };
  const [mean, rests, squares, arriving, products] = memory.map(() =>
    Array.from({ length: columns }, () => f.variable("v128", number(f, 0))),
  );
  const add = (sum: Variable<"v128">, x: V128) => f.set(sum, f32x4.add(sum, x));
  const over = (visit: (count: V128, column: number, ofPiece: readonly V128[]) => void) =>
    f.loop(i32.const(0), i32.const(pieces), 1, (piece) => {
      const count = group.countOf(piece);
      const numbers = memory.map((address) => group.kept(address, piece));
      for (let column = 0; column < columns; column++)
        visit(
          count,
          column,
          numbers.map((each) => each[column]),
        );
    });
  over((count, n, [ofPiece, rest]) => add(mean[n], madd(context, count, ofPiece, rest)));
  for (const sum of mean) f.set(sum, f32x4.div(sum, number(f, constants.COUNT)));
  over((count, n, [ofPiece, rest, square, gradient, product]) => {
    const shift = f.keep(f32x4.sub(ofPiece, mean[n]));
    const shifts = f.keep(f32x4.mul(count, shift));
    add(rests[n], f32x4.add(rest, shifts));
    add(squares[n], madd(context, shift, f32x4.add(f32x4.add(rest, rest), shifts), square));
    if (!arriving) return;
    add(arriving[n], gradient);
    add(products[n], madd(context, shift, gradient, product));
  });
  return { mean, rests, squares, arriving, products };
}

/** Statistics with the digits that rounding took from the mean. */
function settled(f: FunctionBuilder, { constants, features }: KernelCall, given: Statistics): Statistics {
  const { mean, rests, arriving = [], products = [] } = given;
  const rest = rests.map((sum) => f.keep(f32x4.div(sum, number(f, constants.COUNT))));
  return {
    ...given,
    mean: mean.map((each, n) => f.keep(f32x4.add(each, rest[n]))),
    products: products.map((sum, n) => f.keep(nmadd({ f, features }, rest[n], arriving[n], sum))),
  };
}

function variances(
  f: FunctionBuilder,
  { constants: { COUNT } }: KernelCall,
  squares: readonly V128[],
): V128[] {
  return squares.map((sum) => f.keep(f32x4.div(sum, number(f, COUNT))));
}

/** 1 / standard deviation. */
function rates(
  f: FunctionBuilder,
  { constants: { EPSILON } }: KernelCall,
  variance: readonly V128[],
): V128[] {
  return variance.map((each) =>
    f.keep(f32x4.div(number(f, 1), f32x4.sqrt(f32x4.add(each, number(f, EPSILON))))),
  );
}

/** Writes what one part of a channel does for all. */
function once(f: FunctionBuilder, { piece, division }: Group, body: () => void): void {
  if (division.pieces === 1) body();
  else f.if(i32.eqz(piece), body);
}

function number(f: FunctionBuilder, x: number): V128 {
  return f.constant(f32x4.const(x));
}
