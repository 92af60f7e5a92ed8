/** Types of the libraries' functions that the candidates call, so that types are checked without the libraries, too. */

declare module "@jax-js/jax" {
  export interface Array {
    readonly ref: Array;
    readonly shape: number[];
    add(other: Array | number): Array;
    sub(other: Array | number): Array;
    mul(other: Array | number): Array;
    div(other: Array | number): Array;
    sum(axis?: number): Array;
    reshape(shape: number[]): Array;
    data(): Promise<Float32Array>;
    dispose(): void;
  }
  type Operand = Array | number;
  type Tree = Array | Tree[] | { readonly [key: string]: Tree };

  export function init(device: string): Promise<string[]>;
  export function defaultDevice(device: string): void;
  export function blockUntilReady<T>(arrays: T): Promise<T>;
  export function jit<Arguments extends unknown[], Result>(
    body: (...args: Arguments) => Result,
  ): (...args: Arguments) => Result;
  export function valueAndGrad(
    loss: (parameters: Array[]) => Array,
  ): (parameters: Array[]) => [Array, Array[]];
  export const numpy: {
    array(values: Float32Array | number): Array;
    zeros(shape: number[]): Array;
    dot(x: Array, y: Array): Array;
    matmul(x: Array, y: Array): Array;
    max(x: Array): Array;
    reciprocal(x: Array): Array;
    sqrt(x: Array): Array;
    square(x: Array): Array;
    subtract(x: Operand, y: Operand): Array;
  };
  export const nn: { relu(x: Array): Array; logSoftmax(x: Array): Array };
  export const lax: {
    convGeneralDilated(x: Array, weight: Array, strides: number[], padding: string): Array;
    reduceWindow(x: Array, body: (x: Array) => Array, size: number[], strides: number[]): Array;
  };
  export const tree: { ref<T>(arrays: T): T; dispose(arrays: Tree): void };
}

declare module "@tensorflow/tfjs-core" {
  export interface Tensor {
    data(): Promise<Float32Array>;
    dispose(): void;
  }
  export function setBackend(name: string): Promise<boolean>;
  export function tensor(values: Float32Array, shape?: number[]): Tensor;
  export function variable(initial: Tensor): Tensor;
  export function tidy(body: () => Tensor): Tensor;
  export function add(x: Tensor, y: Tensor): Tensor;
  export function matMul(x: Tensor, y: Tensor): Tensor;
  export function conv2d(x: Tensor, weight: Tensor, strides: number, padding: string): Tensor;
  export function maxPool(x: Tensor, size: number, strides: number, padding: string): Tensor;
  export function relu(x: Tensor): Tensor;
  export function reshape(x: Tensor, shape: number[]): Tensor;
  export function sum(x: Tensor, axis: number): Tensor;
  export function transpose(x: Tensor, order: number[]): Tensor;
  export const losses: { softmaxCrossEntropy(oneHot: Tensor, logits: Tensor): Tensor };
  export const train: {
    adam(
      learningRate: number,
      beta1: number,
      beta2: number,
      epsilon: number,
    ): { minimize(loss: () => Tensor, returnCost: true): Tensor };
  };
}

declare module "@tensorflow/tfjs-core/dist/register_all_gradients.js";
declare module "@tensorflow/tfjs-backend-webgpu";
declare module "@tensorflow/tfjs-backend-wasm";
