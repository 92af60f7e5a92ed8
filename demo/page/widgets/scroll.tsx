import type { ComponentChildren } from "preact";

interface ScrollProps {
  /** What it holds, for who cannot see it. */
  readonly label: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** What is wider or longer than its place, and scrolls by itself. */
export function Scroll({ label, class: name = "table-scroll", children }: ScrollProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without, who has no mouse could not scroll it
    <section class={name} aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
