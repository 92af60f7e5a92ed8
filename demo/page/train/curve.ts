/** Points of a curve that may grow without end. */

/** More than this many points no chart can show. */
const MOST = 1200;

/** Points by step. Where there are too many, pairs of neighbours become their mean: the whole run stays in sight. */
export class Curve<Key extends string> {
  #steps: number[] = [];
  #values: Record<string, number[]> = {};
  /** Number of reported points that make one kept point. */
  #thinning = 1;
  #waiting: (Record<Key, number> & { readonly step: number })[] = [];

  get steps(): readonly number[] {
    return this.#steps;
  }

  values(key: Key): readonly number[] {
    return this.#values[key] ?? [];
  }

  add(point: Record<Key, number> & { readonly step: number }): void {
    this.#waiting.push(point);
    if (this.#waiting.length < this.#thinning) return;
    const points = this.#waiting;
    this.#waiting = [];
    this.#steps.push(points[points.length - 1].step);
    for (const key of this.#keys(point)) {
      this.#values[key] ??= [];
      this.#values[key].push(points.reduce((sum, one) => sum + one[key], 0) / points.length);
    }
    if (this.#steps.length > MOST) this.#thin();
  }

  /** Drops all points after a step. */
  backTo(step: number): void {
    const kept = this.#steps.filter((one) => one <= step).length;
    this.#steps.length = kept;
    for (const values of Object.values(this.#values)) values.length = kept;
    this.#waiting = [];
  }

  clear(): void {
    this.#steps = [];
    this.#values = {};
    this.#thinning = 1;
    this.#waiting = [];
  }

  #thin(): void {
    this.#thinning *= 2;
    const pairs = Math.floor(this.#steps.length / 2);
    const places = Array.from({ length: pairs }, (_, i) => 2 * i);
    this.#steps = places.map((i) => this.#steps[i + 1]);
    for (const [key, values] of Object.entries(this.#values))
      this.#values[key] = places.map((i) => (values[i] + values[i + 1]) / 2);
  }

  #keys(point: object): Key[] {
    return Object.keys(point).filter((key) => key !== "step") as Key[];
  }
}
