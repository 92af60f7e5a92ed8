import type { ComponentChildren } from "preact";

interface ScrollProps {
  /** The contents in words, for screen readers. */
  readonly label: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A box for contents wider or longer than their place, which scrolls by itself. */
export function Scroll({ label, class: name = "table-scroll", children }: ScrollProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without, who has no mouse could not scroll it
    <section class={name} aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
