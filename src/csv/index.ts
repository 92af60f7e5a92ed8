/** The public surface of `wgrad/csv`. */
export {};
