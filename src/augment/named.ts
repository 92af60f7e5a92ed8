/** Augmentations by name, for command lines and forms. */
import { checkString } from "../checks.ts";
import type { Augmentation } from "./augmentation.ts";
import { crop, elastic, flip, rotate, scale, shear, translate } from "./geometry.ts";
import { brightness, contrast, cutout, mixup, noise } from "./values.ts";

interface Named {
  /** What its numbers are called; those in brackets may be left out. */
  readonly numbers: string;
  make(...numbers: number[]): Augmentation;
}

const NAMED: Readonly<Record<string, Named>> = {
  translate: { numbers: "pixels", make: (pixels) => translate(pixels) },
  crop: { numbers: "padding", make: crop },
  rotate: { numbers: "degrees", make: rotate },
  scale: { numbers: "from,to", make: scale },
  shear: { numbers: "degrees", make: shear },
  flip: { numbers: "[horizontal,vertical]", make: (horizontal, vertical) => flip({ horizontal, vertical }) },
  elastic: { numbers: "[alpha,sigma]", make: (alpha, sigma) => elastic({ alpha, sigma }) },
  brightness: { numbers: "by", make: brightness },
  contrast: { numbers: "from,to", make: contrast },
  noise: { numbers: "deviation", make: noise },
  cutout: { numbers: "size", make: cutout },
  mixup: { numbers: "[alpha]", make: mixup },
};

/** How each is written: "rotate=degrees", "elastic=[alpha,sigma]". */
export const AUGMENTATION_FORMS: readonly string[] = Object.entries(NAMED).map(
  ([name, { numbers }]) => `${name}=${numbers}`,
);

/**
 * The augmentation that a text such as `rotate=15`, `elastic=34,4` or `mixup` names.
 * @throws RangeError for an unknown name, and numbers that it does not take
 */
export function augmentationNamed(text: string): Augmentation {
  checkString("augmentationNamed: the text", text);
  const [name, values] = text.split("=", 2);
  const found = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  if (!found) {
    throw new RangeError(`there is no augmentation "${name}"; use one of ${Object.keys(NAMED).join(", ")}`);
  }
  const numbers = values ? values.split(",").map((value) => (value.trim() ? Number(value) : Number.NaN)) : [];
  const most = found.numbers.split(",").length;
  const least = found.numbers.startsWith("[") ? 0 : most;
  if (numbers.length < least || numbers.length > most || !numbers.every(Number.isFinite)) {
    throw new RangeError(`"${text}": expected ${name}=${found.numbers}`);
  }
  return found.make(...numbers);
}
