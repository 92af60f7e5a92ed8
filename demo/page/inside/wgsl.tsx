/** A shader to be read: indented, with line numbers, and coloured where the browser can do so without elements. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Scroll } from "../widgets/scroll.tsx";
import { indented } from "./indent.ts";

/** So many lines are laid out together, and only once they are to be seen: shaders have thousands. */
const CHUNK = 100;

/** The coloured parts of WGSL. Names are those of the style sheet's `::highlight`s. */
const TOKENS =
  /(?<comment>\/\/.*)|(?<attribute>@\w+)|(?<keyword>\b(?:const|let|var|fn|struct|if|else|for|while|loop|return|break|continue|switch|case|enable|true|false)\b)|(?<type>\b(?:u32|i32|f32|bool|vec[234]|mat\dx\d|array|atomic|ptr)\b)|(?<number>\b\d[\w.]*)/g;

export function Wgsl({ code }: { readonly code: string }) {
  // The same elements for the same code, which are not gone through again when times come in.
  const chunks = useMemo(() => {
    const lines = indented(code);
    const firsts = Array.from({ length: Math.ceil(lines.length / CHUNK) }, (_, i) => i * CHUNK);
    return firsts.map((first) => (
      <Lines key={first} first={first} lines={lines.slice(first, first + CHUNK)} />
    ));
  }, [code]);
  return (
    <Scroll label="WGSL" class="inside-code">
      {chunks}
    </Scroll>
  );
}

function Lines({ first, lines }: { readonly first: number; readonly lines: readonly string[] }) {
  const holder = useRef<HTMLElement>(null);
  const text = lines.join("\n");
  useEffect(() => {
    let undo: (() => void) | undefined;
    // The text is shown first; then each chunk is coloured in a turn of its own.
    const timer = setTimeout(() => {
      const node = holder.current?.firstChild;
      if (node) undo = coloured(node, text);
    });
    return () => {
      clearTimeout(timer);
      undo?.();
    };
  }, [text]);
  return (
    <div class="inside-chunk" style={`--lines: ${lines.length}`}>
      <pre aria-hidden="true" class="inside-lines">
        {lines.map((_, i) => first + i + 1).join("\n")}
      </pre>
      <pre>
        <code ref={holder}>{text}</code>
      </pre>
    </div>
  );
}

/** Colours a text by ranges. Returns a function that removes the colours. */
function coloured(node: Node, text: string): (() => void) | undefined {
  if (typeof Highlight === "undefined") return undefined;
  const added: [Highlight, StaticRange][] = [];
  for (const match of text.matchAll(TOKENS)) {
    const [kind] = Object.entries(match.groups ?? {}).find(([, found]) => found !== undefined) ?? [];
    if (!kind) continue;
    const name = `wgsl-${kind}`;
    const highlight = CSS.highlights.get(name) ?? new Highlight();
    CSS.highlights.set(name, highlight);
    const range = new StaticRange({
      startContainer: node,
      startOffset: match.index,
      endContainer: node,
      endOffset: match.index + match[0].length,
    });
    highlight.add(range);
    added.push([highlight, range]);
  }
  return () => {
    for (const [highlight, range] of added) highlight.delete(range);
  };
}
