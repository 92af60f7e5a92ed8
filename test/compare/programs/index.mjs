/** The programs that are compared: small, and together they use every part of what a step is made of. */
import { data } from "./data.mjs";
import { layers } from "./layers.mjs";
import { losses } from "./losses.mjs";
import { optimizers } from "./optimizers.mjs";
import { steps } from "./steps.mjs";

/** @type {readonly import("../record.mjs").ComparedProgram[]} */
export const programs = [...layers, ...losses, ...optimizers, ...data, ...steps];
