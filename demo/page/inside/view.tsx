export function InsideView() {
  return <p>…</p>;
}
