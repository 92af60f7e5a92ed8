export function DrawView() {
  return <p>…</p>;
}
