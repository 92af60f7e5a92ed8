/** Builds data sets from images: arrays of bytes, canvases, decoders. */
import { checkOptions, type OptionKinds } from "../checks.ts";
import { type Dataset, dataset, type InputSet } from "./dataset.ts";

/** RGBA bytes, row by row, as canvases and image decoders give them. */
export interface PixelData {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

export interface ImageInputOptions {
  /** Name for error messages (default "images"). */
  readonly name?: string;
  /** One image each, in bytes 0 … 255. The alpha of `ImageData` and the like is dropped. */
  readonly images: readonly (ArrayLike<number> | PixelData)[];
  readonly labels?: undefined;
  /** Width of every image in pixels. Arrays need it; with `ImageData`, the default is the first image's width. */
  readonly width?: number;
  readonly height?: number;
  /** Channels of each image (default: length / (width · height)). */
  readonly channels?: number;
  /** Layout of an array: channels of a pixel side by side, "HWC" (the default), or whole channels, "CHW". */
  readonly layout?: "HWC" | "CHW";
  /** Whether red, green and blue become one channel: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). Default false. */
  readonly grey?: boolean;
}

/** Images with the class of each. */
export interface ImageDatasetOptions extends Omit<ImageInputOptions, "labels"> {
  /** The class of each image. */
  readonly labels: ArrayLike<number>;
  /** Number of classes, or their names. */
  readonly classes: number | readonly string[];
}

/** One image as given, and how its array is read. */
interface Source {
  readonly data: ArrayLike<number>;
  /** Number of channels kept. */
  readonly kept: number;
  /** Distance in `data` from a pixel to the next, and from a channel to the next. */
  readonly pixelStride: number;
  readonly channelStride: number;
}

/** Weights of red, green and blue. */
const LUMA = [0.299, 0.587, 0.114] as const;

const isPixelData = (image: ArrayLike<number> | PixelData): image is PixelData => "data" in image;

const IMAGE_OPTIONS: OptionKinds<ImageDatasetOptions> = {
  name: "string",
  images: "array",
  labels: "any",
  classes: "any",
  width: "number",
  height: "number",
  channels: "number",
  layout: "string",
  grey: "boolean",
};

/**
 * Builds a data set of images with a class each, or without labels a set of images to predict from. Samples are
 * [channels, height, width] in bytes with scale 1/255.
 * @throws RangeError where images and labels have different counts, an image differs in size from the first, a value is
 *   no byte (the message names the image), or as `dataset`
 * @throws TypeError where an option is unknown or of another kind
 */
export function imageDataset(options: ImageDatasetOptions): Dataset;
export function imageDataset(options: ImageInputOptions): InputSet;
export function imageDataset(options: ImageDatasetOptions | ImageInputOptions): Dataset | InputSet {
  checkOptions("imageDataset", options, IMAGE_OPTIONS);
  const { name = "images", images, labels, grey = false } = options;
  const first = images[0];
  if (first === undefined) throw new RangeError(`${name}: no images; a data set needs one or more`);
  if (labels && images.length !== labels.length) {
    throw new RangeError(
      `${name}: labels and images of different counts: ${images.length} images, ${labels.length} labels; each image needs one label`,
    );
  }
  const { width, height } = sizeOf(name, options, first);
  const pixels = width * height;
  const channels = options.channels ?? (isPixelData(first) ? first.data : first).length / pixels;
  if (!Number.isInteger(channels) || channels < 1) {
    throw new RangeError(
      `${name}: ${channels} channels in images of ${width} × ${height}; give channels, width and height so that ` +
        "channels · width · height is the length of each array",
    );
  }
  const sources = images.map((image, i) =>
    checkImage(name, image, i, { ...options, width, height, channels }),
  );
  const kept = sources[0].kept;
  if (grey && kept !== 3) {
    throw new RangeError(`${name}: grey needs 3 channels, red, green and blue; the images have ${kept}`);
  }
  const shape = [grey ? 1 : kept, height, width];
  const sample = shape[0] * pixels;
  const data = new Uint8Array(images.length * sample);
  sources.forEach((source, i) => {
    (grey ? writeGrey : writeChannels)(data.subarray(i * sample, (i + 1) * sample), source, pixels);
  });
  const inputs = { data, shape, scale: 1 / 255 };
  if (!options.labels) {
    if (!("classes" in options) || options.classes === undefined) return dataset({ name, inputs });
    throw new TypeError(
      `${name}: classes without labels; give a class index for each image, or leave it out`,
    );
  }
  const { classes } = options;
  return dataset({ name, inputs, targets: { data: labelData(name, options.labels) }, classes });
}

function sizeOf(
  name: string,
  { width, height }: Omit<ImageInputOptions, "labels">,
  first: ArrayLike<number> | PixelData,
): { width: number; height: number } {
  const size = {
    width: width ?? (isPixelData(first) ? first.width : undefined),
    height: height ?? (isPixelData(first) ? first.height : undefined),
  };
  for (const [side, length] of Object.entries(size)) {
    if (length === undefined || !Number.isInteger(length) || length < 1) {
      throw new RangeError(`${name}: ${side} is ${length}; give the images' ${side} in pixels`);
    }
  }
  return size as { width: number; height: number };
}

function checkImage(
  name: string,
  image: ArrayLike<number> | PixelData,
  i: number,
  {
    width,
    height,
    channels,
    layout = "HWC",
  }: Omit<ImageInputOptions, "labels"> & { width: number; height: number; channels: number },
): Source {
  const pixels = width * height;
  const given = isPixelData(image);
  const data = given ? image.data : image;
  const expected = `${width} × ${height} with ${channels} channels`;
  if (given && (image.width !== width || image.height !== height)) {
    throw new RangeError(`${name}: image ${i} is ${image.width} × ${image.height}; expected ${expected}`);
  }
  if (data.length !== pixels * channels) {
    throw new RangeError(
      `${name}: image ${i} has ${data.length} numbers; expected ${pixels * channels}: ${expected}`,
    );
  }
  for (let at = 0; at < data.length; at++) {
    const value = data[at];
    if (Number.isInteger(value) && value >= 0 && value <= 255) continue;
    throw new RangeError(
      `${name}: image ${i} holds ${value} at ${at}; expected bytes, 0 to 255; give floats to dataset() instead`,
    );
  }
  const interleaved = given || layout === "HWC";
  return {
    data,
    kept: given && channels === 4 ? 3 : channels,
    pixelStride: interleaved ? channels : 1,
    channelStride: interleaved ? 1 : pixels,
  };
}

function writeChannels(into: Uint8Array, source: Source, pixels: number): void {
  const { data, kept, pixelStride, channelStride } = source;
  for (let channel = 0; channel < kept; channel++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      into[channel * pixels + pixel] = data[pixel * pixelStride + channel * channelStride];
    }
  }
}

function writeGrey(into: Uint8Array, { data, pixelStride, channelStride }: Source, pixels: number): void {
  for (let pixel = 0; pixel < pixels; pixel++) {
    const at = pixel * pixelStride;
    const grey = LUMA.reduce((sum, weight, c) => sum + weight * data[at + c * channelStride], 0);
    into[pixel] = Math.round(grey);
  }
}

function labelData(name: string, labels: ArrayLike<number>): Int32Array {
  const data = Int32Array.from(labels);
  const bad = data.findIndex((label, i) => label !== labels[i]);
  if (bad >= 0) {
    throw new RangeError(`${name}: label ${bad} is ${labels[bad]}; expected a class index, a whole number`);
  }
  return data;
}
