// A step of the library build (see vite.config.ts): shorter lists of what modules share.
import { basename } from "node:path";

/** What a minified module begins with: licences, then what it imports, or hands on. */
const HEAD = /^((?:\s|\/\*[\s\S]*?\*\/)*)((?:(?:import|export)\{[^}]*\}from"[^"]*";)*)/;
/** What it ends with, but for the address of its source map. */
const EXPORTS = /export\{([^}]*)\};(?=\s*(?:\/\/#.*\s*)?$)/;

/**
 * Makes minified files smaller: what they share keeps the name that it has where it is declared, and entries hand it on
 * without one of their own.
 */
export function shortExports() {
  return {
    name: "wgrad:short-exports",
    /**
     * @param {{ minify?: unknown }} output
     * @param {Record<string, { fileName: string, code?: string, source?: unknown, isEntry?: boolean, isDynamicEntry?: boolean }>} bundle
     */
    generateBundle({ minify }, bundle) {
      if (!minify) return;
      const chunks = Object.values(bundle);
      const shared = chunks.filter(
        ({ code, isEntry, isDynamicEntry }) => code && !isEntry && !isDynamicEntry,
      );
      const names = new Map(
        shared.map((chunk) => {
          const own = new Map();
          chunk.code = chunk.code?.replace(EXPORTS, (_, list) => {
            for (const [local, name] of pairs(list)) own.set(name, local);
            return `export{${[...own.values()].join(",")}};`;
          });
          return [basename(chunk.fileName), own];
        }),
      );
      for (const chunk of chunks) {
        if (chunk.code === undefined) continue;
        const [head = "", before = "", imports = ""] = HEAD.exec(chunk.code) ?? [];
        const renamed = imports.replace(/\{([^}]*)\}from"([^"]*)"/g, (_, list, from) => {
          const own = names.get(basename(from));
          const kept = pairs(list).map(([name, local]) => pair(own?.get(name) ?? name, local));
          return `{${kept.join(",")}}from"${from}"`;
        });
        chunk.code = handedOn(before + renamed + chunk.code.slice(head.length));
        const map = bundle[`${chunk.fileName}.map`];
        const line = before.split("\n").length - 1;
        if (map) map.source = movedMap(String(map.source), line, renamed.length - imports.length);
      }
    },
  };
}

/** Names of a list such as `a as x,y`, each with what it is called behind `as`. @param {string} list */
function pairs(list) {
  return list.split(",").map((text) => {
    const [name = "", as = name] = text.split(" as ");
    return /** @type {const} */ ([name, as]);
  });
}

/** @param {string} name @param {string} as */
function pair(name, as) {
  return name === as ? name : `${name} as ${as}`;
}

/** `import{a as x}from"y";export{x as b}` as `export{a as b}from"y"`, of a module that is nothing else. @param {string} code */
function handedOn(code) {
  const found = /^\s*((?:import\{[^}]*\}from"[^"]*";)+)export\{([^}]*)\};\s*$/.exec(code);
  if (!found) return code;
  const exported = pairs(found[2]);
  return found[1].replace(/import\{([^}]*)\}/g, (_, list) => {
    const handed = pairs(list).flatMap(([name, local]) =>
      exported.filter(([own]) => own === local).map(([, as]) => pair(name, as)),
    );
    return `export{${handed.join(",")}}`;
  });
}

/** A source map whose line `line` has moved by so many columns. @param {string} json @param {number} line @param {number} by */
function movedMap(json, line, by) {
  const map = JSON.parse(json);
  const lines = map.mappings.split(";");
  const first = /^[g-z0-9+/]*[A-Za-f]/.exec(lines[line])?.[0];
  if (first !== undefined) lines[line] = encoded(decoded(first) + by) + lines[line].slice(first.length);
  return JSON.stringify({ ...map, mappings: lines.join(";") });
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** A number of a source map: five bits a digit, the lowest first; the lowest bit of all is the sign. @param {string} text */
function decoded(text) {
  const bits = [...text].reduceRight((sum, digit) => sum * 32 + (DIGITS.indexOf(digit) & 31), 0);
  return bits & 1 ? -(bits >> 1) : bits >> 1;
}

/** @param {number} value */
function encoded(value) {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    text += DIGITS[(rest & 31) | (rest > 31 ? 32 : 0)];
    rest >>= 5;
  } while (rest > 0);
  return text;
}
