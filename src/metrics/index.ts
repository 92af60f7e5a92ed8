/** The public surface of `wgrad/metrics`. */
export {};
