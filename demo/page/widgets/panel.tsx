import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface PanelProps {
  readonly title: string;
  /** A word on the contents, in small letters below the title. */
  readonly hint?: ComponentChildren;
  /** Buttons at the right of the title. */
  readonly actions?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A titled card. */
export function Panel({ title, hint, actions, class: extra = "", children }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel ${extra}`} aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {actions}
      </div>
      {hint && <p class="hint">{hint}</p>}
      {children}
    </section>
  );
}
