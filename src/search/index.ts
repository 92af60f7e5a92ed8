/** The public surface of `wgrad/search`. */
export {};
