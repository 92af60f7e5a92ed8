/** Why programs differ between the two builds that are compared now, by program and engine. Empty where nothing may. */

/** @type {readonly import("./compare.mjs").Reason[]} */
export const reasons = [];
