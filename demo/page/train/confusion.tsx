import { Panel } from "../widgets/panel.tsx";
import { insight } from "./store.ts";

const DIGITS = Array.from({ length: 10 }, (_, digit) => digit);

/** Which digit is taken for which. */
export function Confusion() {
  const found = insight.value;
  return (
    <Panel
      title="Confusion matrix"
      hint="Validation images, by the digit shown and the digit read. Correct ones lie on the diagonal."
    >
      {found ? (
        <Matrix counts={found.confusion} />
      ) : (
        <p class="placeholder">After the first second of training.</p>
      )}
    </Panel>
  );
}

function Matrix({ counts }: { readonly counts: readonly (readonly number[])[] }) {
  return (
    <div>
      <p class="confusion-axis" aria-hidden="true">
        read as →
      </p>
      <table class="confusion">
        <caption class="visually-hidden">
          Rows: the digit shown. Columns: the digit read. Cells: images.
        </caption>
        <thead>
          <tr>
            <th scope="col">
              <span aria-hidden="true">↓ is</span>
              <span class="visually-hidden">Shown</span>
            </th>
            {DIGITS.map((digit) => (
              <th key={digit} scope="col">
                {digit}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {counts.map((row, shown) => (
            <tr key={DIGITS[shown]}>
              <th scope="row">{shown}</th>
              {row.map((count, read) => (
                <td key={DIGITS[read]} style={cellStyle(count, row, shown === read)}>
                  {count || <span class="visually-hidden">0</span>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Right ones in blue; wrong ones in orange, which is strong for few of them already: there should be none. */
function cellStyle(count: number, row: readonly number[], right: boolean): string {
  if (count === 0) return "background: var(--raised)";
  const part = count / row.reduce((sum, one) => sum + one, 0);
  const strength = right ? 12 + 38 * part : 14 + 28 * Math.min(1, Math.sqrt(8 * part));
  return `background: color-mix(in srgb, var(${right ? "--s1" : "--s2"}) ${strength.toFixed(0)}%, var(--surface))`;
}
