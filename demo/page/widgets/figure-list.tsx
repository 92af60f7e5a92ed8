interface FigureListProps {
  /** Names and values, with units. */
  readonly figures: readonly (readonly [name: string, value: string])[];
  readonly class?: string;
}

/** Numbers in a row, each below its name. */
export function FigureList({ figures, class: extra = "" }: FigureListProps) {
  return (
    <dl class={`figures ${extra}`}>
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
