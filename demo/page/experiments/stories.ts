/** Which story is open: named by the second part of the address's fragment, as in #/experiments/race. */
import { signal } from "@preact/signals";

export const STORIES = {
  slowdown: "The learning slowdown",
  overfitting: "Overfitting, and its cures",
  race: "The race of optimizers",
} as const;

export type Story = keyof typeof STORIES;

export const story = signal<Story>(current());

function current(): Story {
  const name = location.hash.replace(/^#\/?/, "").split("/")[1] ?? "";
  return Object.hasOwn(STORIES, name) ? (name as Story) : "slowdown";
}

addEventListener("hashchange", () => {
  story.value = current();
});
