/** Augmentations by name, for command lines and forms. */
import { checkString } from "../checks.ts";
import type { Augmentation } from "./augmentation.ts";
import { crop, elastic, flip, rotate, scale, shear, translate } from "./geometry.ts";
import { brightness, contrast, cutout, mixup, noise } from "./values.ts";

interface Named {
  /** Names of the numbers; numbers in brackets are optional. */
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

/** Written form of each augmentation: "rotate=degrees", "elastic=[alpha,sigma]". */
export const AUGMENTATION_FORMS: readonly string[] = Object.entries(NAMED).map(
  ([name, { numbers }]) => `${name}=${numbers}`,
);

/**
 * Parses an augmentation such as `rotate=15`, `elastic=34,4` or `mixup`.
 * @throws RangeError where the name is unknown, or the numbers do not fit the augmentation
 * @throws TypeError where `text` is no string
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
