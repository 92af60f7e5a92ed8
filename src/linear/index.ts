/** The public surface of `wgrad/linear`. */
export {};
