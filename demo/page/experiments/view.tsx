export function ExperimentsView() {
  return <p>…</p>;
}
