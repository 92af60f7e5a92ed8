export function CompareView() {
  return <p>…</p>;
}
