/** The public surface of `wgrad/augment`. */
export {};
