/**
 * WGSL made short for the library build: comments, white space and the names of local variables go. Outside of functions,
 * lines stay lines and names stay as they are, as specialising a shader looks for both.
 */

/** Words, numbers, white space and signs. */
const TOKEN = /[A-Za-z_]\w*|\d[\w.]*(?:(?<=[eE])[+-]\d+)?|\s+|./g;
const WORD = /^[A-Za-z_]/;

/** What hooks are written in terms of, in the bodies that specialising puts in. */
const HOOK_PARAMETERS = ["index", "value"];
/** Components of vectors, which look like names. */
const COMPONENTS = [..."xyzwrgba"];
/** In WGSL's own or hooks' words: v0, v1 … are what a hook computes. */
const TAKEN = [...HOOK_PARAMETERS, ...COMPONENTS, "v"];

/**
 * Shaders without comments, indentation and empty lines, and with short names for what is local to a function: the same
 * ones in all shaders, as text that repeats itself compresses well.
 * @param {readonly string[]} sources
 */
export function minifyWgsl(sources) {
  const shaders = sources.map((source) => stripWgsl(source).match(TOKEN) ?? []);
  const short = shortNames(shaders);
  return shaders.map((tokens) => {
    const names = withNames(tokens, (name) => short.get(name) ?? name);
    let depth = 0;
    return names
      .map((token, i) => {
        if (token === "{") depth++;
        else if (token === "}") depth--;
        const divides = depth === 0 && token.includes("\n");
        return !divides && isNeedless(names, i) ? "" : token;
      })
      .join("");
  });
}

/** Whether a token is white space that divides nothing. @param {readonly string[]} tokens @param {number} i */
function isNeedless(tokens, i) {
  if (!/^\s+$/.test(tokens[i])) return false;
  const [before, after] = [tokens[i - 1] ?? "", tokens[i + 1] ?? ""];
  // Signs that would be another one together: - -x, vec2<f32> = x.
  return (
    !(/\w$/.test(before) && /^\w/.test(after)) && !(/[-+&|<>=/]/.test(before) && /[-+&|<>=/]/.test(after))
  );
}

/**
 * The tokens with names that are local to a function changed by `rename`.
 * @param {readonly string[]} tokens
 * @param {(name: string) => string} rename
 */
function withNames(tokens, rename) {
  /** @type {Set<string>} */
  let locals = new Set();
  return tokens.map((token, i) => {
    if (token === "fn") locals = localsOf(tokens, i);
    const isBuiltin = tokens[i - 1] === "(" && tokens[i - 2] === "builtin";
    return locals.has(token) && tokens[i - 1] !== "." && !isBuiltin ? rename(token) : token;
  });
}

/**
 * Parameters and variables of the function whose `fn` is at `start`.
 * @param {readonly string[]} tokens
 * @param {number} start
 */
function localsOf(tokens, start) {
  /** @type {Set<string>} */
  const locals = new Set();
  const body = tokens.indexOf("{", start);
  for (let i = start, depth = 0; i < tokens.length; i++) {
    if (tokens[i] === "{") depth++;
    else if (tokens[i] === "}" && --depth === 0) break;
    const declared = i < body ? tokens[i + 1] === ":" : /^(?:let|var|const)$/.test(tokens[i - 2] ?? "");
    if (declared && WORD.test(tokens[i]) && !HOOK_PARAMETERS.includes(tokens[i])) locals.add(tokens[i]);
  }
  return locals;
}

/**
 * For each local name a short one that is no word of any shader; the most frequent first.
 * @param {readonly (readonly string[])[]} shaders
 */
function shortNames(shaders) {
  /** @type {Map<string, number>} */
  const uses = new Map();
  const others = shaders.flatMap((tokens) =>
    withNames(tokens, (name) => {
      uses.set(name, (uses.get(name) ?? 0) + 1);
      return "";
    }),
  );
  const taken = new Set([...others, ...TAKEN]);
  const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  const digits = ["", ..."0123456789"];
  const free = digits
    .flatMap((digit) => letters.map((letter) => letter + digit))
    .filter((name) => !taken.has(name));
  const frequent = [...uses].sort(([, a], [, b]) => b - a).map(([name]) => name);
  return new Map(frequent.map((name, i) => [name, free[i]]));
}
/**
 * WGSL without its comments, indentation and empty lines. Lines stay lines, with their inner spaces:
 * so specialising a shader finds the same text as in the source file.
 * @param {string} source
 */
export function stripWgsl(source) {
  return withoutComments(source)
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .join("\n");
}

/** Each comment becomes one space, as it may stand between two words. @param {string} source */
function withoutComments(source) {
  let text = "";
  let inLine = false;
  let depth = 0; // block comments nest
  for (const [piece] of source.matchAll(/\/\*|\*\/|\/\/|\n|[^/*\n]+|[/*]/g)) {
    if (piece === "\n") inLine = false;
    if (inLine) continue;
    if (piece === "/*") depth++;
    else if (piece === "*/" && depth > 0) text += --depth === 0 ? " " : "";
    else if (piece === "//" && depth === 0) inLine = true;
    else if (depth === 0) text += piece;
  }
  return text;
}
