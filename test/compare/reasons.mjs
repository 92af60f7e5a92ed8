/** Why programs differ between two builds, by program and engine. Empty where nothing may: a comparison begins with it. */

/** @type {readonly import("./compare.mjs").Reason[]} */
export const reasons = [];
