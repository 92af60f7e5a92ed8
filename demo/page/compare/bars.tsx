/** Groups of bars over a logarithmic axis: one picture shows values that span a thousandfold. */
import { logScale } from "./log-scale.ts";

interface Bar {
  readonly name: string;
  /** Which of the page's colours: 1 to 6. */
  readonly color: number;
  /** Above 0. */
  readonly value: number;
  readonly label: string;
}

export interface BarGroup {
  readonly name: string;
  readonly bars: readonly Bar[];
}

interface BarsProps {
  /** The chart in words, for screen readers. */
  readonly name: string;
  /** With its unit. */
  readonly axis: string;
  readonly groups: readonly BarGroup[];
  readonly format: (tick: number) => string;
}

export function Bars({ name, axis, groups, format }: BarsProps) {
  const all = groups.flatMap(({ bars }) => bars);
  const series = [...new Map(all.map((bar) => [bar.name, bar.color]))];
  const { ticks, place } = logScale(all.map(({ value }) => value));
  const words = groups.map(
    (group) => `${group.name}: ${group.bars.map((bar) => `${bar.name} ${bar.label}`).join(", ")}`,
  );
  return (
    <div class="compare-bars">
      <ul class="legend">
        {series.map(([name, color]) => (
          <li key={name} style={`--c: var(--s${color})`}>
            {name}
          </li>
        ))}
      </ul>
      <div role="img" aria-label={`${name}. ${words.join("; ")}.`}>
        <div class="compare-plot">
          <div class="compare-lines">
            {ticks.map((tick) => (
              <span key={tick} style={`left: ${100 * place(tick)}%`} />
            ))}
          </div>
          {groups.map((group) => (
            <div key={group.name} class="compare-group">
              <p>{group.name}</p>
              {group.bars.map((bar) => (
                <div key={bar.name} class="compare-bar">
                  <span style={`width: ${100 * place(bar.value)}%; background: var(--s${bar.color})`} />
                  <b>{bar.label}</b>
                </div>
              ))}
            </div>
          ))}
        </div>
        <div class="compare-ticks">
          {ticks.map((tick) => (
            <span key={tick} style={`left: ${100 * place(tick)}%`}>
              {format(tick)}
            </span>
          ))}
        </div>
        <p class="compare-axis">{axis}, on a logarithmic scale: each line is ten times the one before</p>
      </div>
    </div>
  );
}
