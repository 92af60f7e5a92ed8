/**
 * The elements of x [images, CHANNELS, INNER] by channel, in pieces of the images. Lanes run along a channel's plane, one
 * channel at a time, or, where planes are single pixels, along neighbouring channels, several vectors of them at a time.
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { storeLanes } from "../hooks/access.ts";
import { folds } from "./fold.ts";
import type { Index, KernelCall, LoadHook, StoreHook } from "./kernel.ts";
import { atMost, LANES, overLanes, upTo } from "./loops.ts";
import { inside, RowFold, WAYS } from "./row.ts";

/** Elements of a piece. */
const PIECE = 8192;
/** Channels with fewer elements than so many pieces are whole. */
const FEW_PIECES = 4;
/** Most vectors of neighbouring channels. */
const MOST_COLUMNS = 4;

/** How channels and images are divided. */
export interface Division {
  readonly channels: number;
  readonly images: number;
  readonly inner: number;
  /** Vectors of channels of a group: 1 where a group is one channel. */
  readonly columns: number;
  readonly groups: number;
  /** Number of pieces, and images of each. */
  readonly pieces: number;
  readonly each: number;
}

export function divisionOf({ CHANNELS, COUNT, INNER }: KernelCall["constants"]): Division {
  const images = COUNT / INNER;
  const columns = INNER === 1 ? Math.min(MOST_COLUMNS, Math.ceil(CHANNELS / LANES)) : 1;
  const width = INNER === 1 ? columns * LANES : 1;
  const ofImage = Math.max(width, INNER);
  const each = images * ofImage < FEW_PIECES * PIECE ? images : Math.ceil(PIECE / ofImage);
  const groups = Math.ceil(CHANNELS / width);
  return {
    channels: CHANNELS,
    images,
    inner: INNER,
    columns,
    groups,
    pieces: Math.ceil(images / each),
    each,
  };
}

/** Four elements of an image: of a channel's plane, or of as many channels. */
export interface Place {
  readonly i: I32;
  readonly column: number;
  readonly way: number;
  /** Number of those in the plane. */
  readonly count: number;
}

/** A group's elements of one image. */
export interface Image {
  /** Values of a hook. */
  load(hook: LoadHook): (place: Place) => V128;
  store(hook: StoreHook): (place: Place, values: V128) => void;
  each(visit: (place: Place) => void): void;
}

/** A group of channels in a piece of the images: the part with that number. Numbers of its channels come by column. */
export class Group {
  readonly piece: I32;
  /** Its only channel, or its first. */
  readonly #channel: I32;
  readonly #isPixel: boolean;

  constructor(
    readonly f: FunctionBuilder,
    readonly division: Division,
    part: I32,
  ) {
    const { groups, pieces, columns, inner } = division;
    this.#isPixel = inner === 1;
    this.piece = f.keep(pieces === 1 ? i32.const(0) : i32.div_u(part, i32.const(groups)));
    const group = pieces === 1 ? part : i32.sub(part, i32.mul(this.piece, i32.const(groups)));
    this.#channel = f.keep(this.#isPixel ? i32.mul(group, i32.const(columns * LANES)) : group);
  }

  /** Number of a channel's elements in a piece, in all lanes. */
  countOf(piece: I32): V128 {
    const { images, each, inner } = this.division;
    const left = i32.sub(i32.const(images), i32.mul(piece, i32.const(each)));
    const count = i32.mul(atMost(this.f, left, each), i32.const(inner));
    return this.f.keep(f32x4.convert_i32x4_s(i32x4.splat(count)));
  }

  overImages(visit: (image: Image) => void): void {
    const { f } = this;
    const { images, each } = this.division;
    const first = f.keep(i32.mul(this.piece, i32.const(each)));
    f.loop(first, atMost(f, i32.add(first, i32.const(each)), images), 1, (n) => visit(this.#image(n)));
  }

  #image(n: I32): Image {
    const { f } = this;
    const { channels, images, inner, columns } = this.division;
    const index: Index = [{ value: n, stride: channels * inner, size: images }, ...this.#index(inner)];
    const lanes = { stride: 1, size: this.#isPixel ? channels : inner };
    return {
      load: (hook) => {
        const values = hook.along(f, index, lanes);
        return ({ i }) => f.keep(values(i));
      },
      store: (hook) => {
        const keep = hook.along(f, index, lanes);
        return ({ i, column, count }, values) => {
          if (this.#isPixel) this.#upTo(column, (at, known) => keep(at, values, known));
          else keep(i, values, count);
        };
      },
      each: (visit) => {
        if (!this.#isPixel)
          overLanes(f, i32.const(0), inner, WAYS, (i, count, way) => visit({ i, column: 0, way, count }));
        else
          for (let column = 0; column < columns; column++)
            visit({ i: this.#first(column), column, way: 0, count: LANES });
      },
    };
  }

  /** Digits of the channel, where a group is one. */
  #index(stride: number): Index {
    return this.#isPixel ? [] : [{ value: this.#channel, stride, size: this.division.channels }];
  }

  /** The first channel of a column. */
  #first(column: number): I32 {
    return this.f.keep(i32.add(this.#channel, i32.const(column * LANES)));
  }

  /** Writes what is done for those channels of a column that there are. */
  #upTo(column: number, body: (channel: I32, count?: I32 | number) => void): void {
    const { channels, groups } = this.division;
    const first = this.#first(column);
    upTo(this.f, first, channels, groups === 1 ? column * LANES : undefined, (count) => body(first, count));
  }

  #byColumn(make: (column: number) => V128): V128[] {
    return Array.from({ length: this.division.columns }, (_, column) => this.f.keep(make(column)));
  }

  /** Values of a hook that has one for each channel, or of x at each channel's first element. */
  numbers(hook: LoadHook, isElement = false): V128[] {
    const { f } = this;
    const { channels, inner, images } = this.division;
    const image = isElement ? [{ value: i32.const(0), stride: channels * inner, size: images }] : [];
    if (!this.#isPixel) {
      const pixel = isElement ? [{ value: i32.const(0), stride: 1, size: inner }] : [];
      const index = [...image, ...this.#index(isElement ? inner : 1), ...pixel];
      return [f.keep(f32x4.splat(hook.at(f, index)))];
    }
    const values = hook.along(f, image, { stride: 1, size: channels });
    return this.#byColumn((column) => values(this.#first(column)));
  }

  /** Stores a number for each channel. */
  storeNumbers(hook: StoreHook, numbers: readonly V128[]): void {
    const { f } = this;
    if (!this.#isPixel) {
      hook.at(f, this.#index(1), f32x4.extract_lane(numbers[0], 0));
      return;
    }
    const keep = hook.along(f, [], { stride: 1, size: this.division.channels });
    numbers.forEach((values, column) => {
      this.#upTo(column, (first, count) => keep(first, values, count));
    });
  }

  /** Sums, by channel. */
  sums(): Sums {
    const { f } = this;
    const ways = this.#isPixel ? 1 : WAYS;
    const sums = Array.from({ length: this.division.columns }, () => new RowFold(f, folds.sum, ways));
    return {
      take: (x, place) => {
        const values = inside(f, place, x, f32x4.const(0));
        sums[place.column].take(values, place);
      },
      results: () => sums.map((sum) => f.keep(this.#isPixel ? sum.lanes() : sum.result(f))),
    };
  }

  /** Keeps numbers of the group's channels in this piece, in memory at `address`. */
  keep(address: number, numbers: readonly V128[]): void {
    const { f } = this;
    numbers.forEach((values, column) => {
      const store = (first: I32, count?: I32 | number) =>
        storeLanes(f, this.#place(this.piece, first), values, { stride: 1 }, address, count);
      if (this.#isPixel) this.#upTo(column, store);
      else store(this.#channel, 1);
    });
  }

  /** Numbers that were kept of a piece. */
  kept(address: number, piece: I32): V128[] {
    const load = this.#isPixel ? v128.load : v128.load32_splat;
    return this.#byColumn((column) => load(this.#place(piece, this.#first(column)), address));
  }

  #place(piece: I32, channel: I32): I32 {
    return i32.mul(i32.add(i32.mul(piece, i32.const(this.division.channels)), channel), i32.const(4));
  }
}

export interface Sums {
  take(x: V128, place: Place): void;
  results(): V128[];
}
