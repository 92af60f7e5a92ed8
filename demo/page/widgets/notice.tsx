import type { ComponentChildren } from "preact";

interface NoticeProps {
  readonly kind: "info" | "warn" | "bad";
  readonly children: ComponentChildren;
}

/** A sentence or two that must not be missed. What is bad is read out at once, the rest when there is a pause. */
export function Notice({ kind, children }: NoticeProps) {
  return (
    <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}
