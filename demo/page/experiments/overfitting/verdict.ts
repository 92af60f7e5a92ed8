/** The conclusion from the networks at the end, in a sentence or two. */
import { percent } from "../../widgets/numbers.ts";
import type { Standing } from "./settings.ts";

/** `runs` by the place of `names`; the first is without a cure. `over`: all have taken their last step. */
export function verdict(
  names: readonly string[],
  runs: readonly (readonly Standing[])[],
  over: boolean,
): string {
  if (!over) return "Each network is marked on unchanged images, without dropout.";
  const ends = runs.map((run) => run[run.length - 1]);
  const [none, ...cured] = ends;
  const gap = ({ training, test }: Standing) => training.accuracy - test.accuracy;
  const told = `Without a cure the network knows ${percent(none.training.accuracy, 1)} of its own images and ${percent(none.test.accuracy, 1)} of the others.`;
  const better = cured.filter((one) => one.test.accuracy > none.test.accuracy);
  if (cured.length === 0) return `${told} Tick a cure, and compare.`;
  if (better.length === 0) return `${told} No cure helped here, which happens by chance; try another seed.`;
  const best = better.reduce((a, b) => (b.test.accuracy > a.test.accuracy ? b : a));
  const closest = better.reduce((a, b) => (gap(b) < gap(a) ? b : a));
  const name = (one: Standing) => names[one.run];
  const gaps = `${(100 * gap(closest)).toFixed(1)} points in place of ${(100 * gap(none)).toFixed(1)}`;
  const smallest =
    closest === best ? "This cure also has the smallest gap" : `The smallest gap belongs to ${name(closest)}`;
  return `${told} ${better.length} of ${cured.length} cures did better, the best being ${name(best)}: ${percent(best.test.accuracy, 1)} of the other images. ${smallest}: ${gaps}.`;
}
