/**
 * Reads WGSL into tokens and declarations: the part of its grammar that the passes need. A function's body stays a list
 * of tokens. Comments and blank space are dropped; `print.ts` prints modules.
 */

/** Words, numbers, operators and brackets, each a token. Brackets of a template, as in `array<f32>`, are ⟨ and ⟩. */
export type Tokens = readonly string[];

/** `@builtin(workgroup_id) tile: vec3<u32>`: of a function, or a struct's member. */
export interface Parameter {
  readonly attributes: Tokens;
  readonly name: string;
  readonly type: Tokens;
}

/** Start and end in the source, as offsets. */
type Span = readonly [start: number, end: number];

/** `enable subgroups;` */
export interface Directive {
  readonly kind: "enable" | "requires" | "diagnostic" | "const_assert";
  readonly tokens: Tokens;
  readonly span: Span;
}

/** `const SIZE = 1u;`, `@group(1) @binding(0) var<storage, read> a: array<f32>;` */
export interface Value {
  readonly kind: "const" | "override" | "alias" | "var";
  readonly attributes: Tokens;
  /** Address space of a variable: `workgroup`, or `storage, read`. */
  readonly space: Tokens;
  readonly name: string;
  readonly type: Tokens;
  readonly value: Tokens;
  readonly span: Span;
}

export interface Struct {
  readonly kind: "struct";
  readonly name: string;
  readonly members: readonly Parameter[];
  readonly span: Span;
}

export interface FunctionDeclaration {
  readonly kind: "fn";
  readonly attributes: Tokens;
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** Result type with attributes; empty without a result. */
  readonly returns: Tokens;
  /** Without the enclosing braces. */
  readonly body: Tokens;
  readonly span: Span;
}

export type Declaration = Directive | Value | Struct | FunctionDeclaration;

/** Declarations, in the order of the source. */
export type Module = readonly Declaration[];

const LEXEME =
  /\s+|\/\/.*|\/\*|[\p{XID_Start}_]\p{XID_Continue}*|0[xX][\da-fA-F.]+(?:[pP][+-]?\d+)?[iufh]?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[iufh]?|->|<<=|>>=|[=!<>+\-*/%&|^]=|&&|\|\||\+\+|--|<<|>>|[-+*/%&|^~!=<>()[\]{},;:.@]/uy;
/** Names that may precede template arguments: WGSL's own. */
const GENERIC = /^(?:array|atomic|bitcast|mat\dx\d|ptr|texture_\w+|var|vec\d)$/;
const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}", "⟨": "⟩" };

/** The tokens of a piece of WGSL. */
export function tokenize(source: string): string[] {
  return scan(source).tokens;
}

/** Tokens, with the end of each. A comma before a closing bracket is dropped. */
function scan(source: string): { readonly tokens: string[]; readonly starts: number[]; ends: number[] } {
  const tokens: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  /** Open brackets. */
  const open: string[] = [];
  for (let at = 0; at < source.length; ) {
    LEXEME.lastIndex = at;
    let token = LEXEME.exec(source)?.[0];
    if (!token) throw new SyntaxError(`WGSL: line ${lineOf(source, at)} has a "${source[at]}"`);
    const start = at;
    at += token.length;
    if (token === "/*") at = commentEnd(source, at);
    if (/^(?:\s|\/[/*])/.test(token)) continue;
    const last = tokens[tokens.length - 1];
    if (token === "<" && GENERIC.test(last)) token = "⟨";
    else if (token[0] === ">" && open[open.length - 1] === "⟨") {
      token = "⟩";
      at = start + 1;
    }
    if (token in CLOSING) open.push(token);
    else if (token === CLOSING[open[open.length - 1]]) {
      open.pop();
      if (last === ",") for (const list of [tokens, starts, ends]) list.pop();
    } else if (/^[)\]}]$/.test(token)) {
      throw new SyntaxError(`WGSL: line ${lineOf(source, start)} has a "${token}" that closes nothing`);
    }
    tokens.push(token);
    starts.push(start);
    ends.push(at);
  }
  if (open.length > 0) throw new SyntaxError(`WGSL: a "${open[open.length - 1]}" is not closed`);
  return { tokens, starts, ends };
}

/** Position after a block comment, which may hold others. */
function commentEnd(source: string, from: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  for (let depth = 1; depth > 0; ) {
    const found = mark.exec(source);
    if (!found) throw new SyntaxError(`WGSL: the comment in line ${lineOf(source, from)} does not end`);
    depth += found[0] === "/*" ? 1 : -1;
  }
  return mark.lastIndex;
}

function lineOf(source: string, at: number): number {
  return source.slice(0, at).split("\n").length;
}

/** Position of the bracket that closes the one at `at`. */
export function closingOf(tokens: Tokens, at: number): number {
  const opening = tokens[at];
  const closing = CLOSING[opening];
  for (let depth = 0; at < tokens.length; at++) {
    if (tokens[at] === opening) depth++;
    else if (tokens[at] === closing && --depth === 0) return at;
  }
  throw new SyntaxError(`WGSL: no "${closing}" closes the "${opening}"`);
}

/** @throws SyntaxError where a line is no declaration */
export function readModule(source: string): Module {
  const { tokens, starts, ends } = scan(source);
  const module: Declaration[] = [];
  let at = 0;

  const failed = (): never => {
    const line = lineOf(source, starts[at] ?? source.length);
    throw new SyntaxError(`WGSL: line ${line} has "${tokens[at] ?? "an end"}" where none is expected`);
  };
  const take = (expected: string) => (tokens[at] === expected ? at++ : failed());
  const takeIf = (token: string) => tokens[at] === token && at++ >= 0;
  const word = () => (/^[\p{XID_Start}_]/u.test(tokens[at] ?? "") ? tokens[at++] : failed());
  /** The tokens between the bracket here and its closing one. */
  const inside = (opening: string): Tokens => {
    const start = take(opening);
    at = closingOf(tokens, start) + 1;
    return tokens.slice(start + 1, at - 1);
  };
  /** The tokens up to one of `stops` outside brackets. */
  const until = (...stops: string[]): Tokens => {
    const start = at;
    while (at < tokens.length && !stops.includes(tokens[at]))
      at = (tokens[at] in CLOSING ? closingOf(tokens, at) : at) + 1;
    return tokens.slice(start, at);
  };
  const attributes = (): Tokens => {
    const start = at;
    while (takeIf("@")) {
      word();
      if (tokens[at] === "(") inside("(");
    }
    return tokens.slice(start, at);
  };
  const parameters = (opening: string): Parameter[] => {
    const list: Parameter[] = [];
    const end = closingOf(tokens, at);
    for (take(opening); at < end; takeIf(",")) {
      const given = attributes();
      const name = word();
      take(":");
      list.push({ attributes: given, name, type: until(",", CLOSING[opening]) });
    }
    take(CLOSING[opening]);
    return list;
  };
  const declaration = (given: Tokens): Unplaced => {
    const kind = word();
    switch (kind) {
      case "enable":
      case "requires":
      case "diagnostic":
      case "const_assert":
        return { kind, tokens: until(";") };
      case "const":
      case "override":
      case "alias":
      case "var": {
        const space = tokens[at] === "⟨" ? inside("⟨") : [];
        const name = word();
        const type = takeIf(":") ? until("=", ";") : [];
        const value = takeIf("=") ? until(";") : [];
        return { kind, attributes: given, space, name, type, value };
      }
      case "struct":
        return { kind, name: word(), members: parameters("{") };
      case "fn": {
        const name = word();
        const list = parameters("(");
        const returns = takeIf("->") ? until("{") : [];
        return { kind, attributes: given, name, parameters: list, returns, body: inside("{") };
      }
      default:
        at--;
        return failed();
    }
  };

  while (at < tokens.length) {
    const start = starts[at];
    const read = declaration(attributes());
    if (read.kind === "fn" || read.kind === "struct") {
      module.push({ ...read, span: [start, ends[at - 1]] });
      takeIf(";");
    } else {
      take(";");
      module.push({ ...read, span: [start, ends[at - 1]] });
    }
  }
  return module;
}

type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never;
type Unplaced = Without<Declaration, "span">;

/** The arguments of an attribute: `64` of `@workgroup_size(64)`; undefined where there is no such attribute. */
export function attribute(attributes: Tokens, name: string): Tokens | undefined {
  const at = attributes.findIndex((token, i) => token === name && attributes[i - 1] === "@");
  if (at < 0) return undefined;
  return attributes[at + 1] === "(" ? attributes.slice(at + 2, closingOf(attributes, at + 1)) : [];
}

/** The module's function of that name, if it has one. */
export function functionNamed(module: Module, name: string): FunctionDeclaration | undefined {
  return module.find((one): one is FunctionDeclaration => one.kind === "fn" && one.name === name);
}
