/** The public surface of `wgrad/callbacks`. */
export {};
