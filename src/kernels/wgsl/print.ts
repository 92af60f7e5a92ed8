/**
 * Prints modules: one statement to a line for people and devices, or as short as possible for the build. Names are
 * kept.
 */
import type { Declaration, Module, Parameter, Tokens } from "./read.ts";

/** Longest line: a longer statement continues on further lines, a longer function header has a line for each parameter. */
const WIDTH = 100;

const texts = new WeakMap<Declaration, string>();

/** One statement to a line, indented, with an empty line around each function. */
export function print(module: Module): string {
  let text = "";
  module.forEach((declaration, i) => {
    const apart = isBlock(declaration) || isBlock(module[i - 1]);
    // An unchanged declaration is the same object in every launch, with the same text.
    const known = texts.get(declaration) ?? printed(declaration);
    texts.set(declaration, known);
    text += `${i > 0 && apart ? "\n" : ""}${known}\n`;
  });
  return text;
}

function isBlock(declaration: Declaration | undefined): boolean {
  return declaration?.kind === "fn" || declaration?.kind === "struct";
}

function printed(declaration: Declaration): string {
  if (declaration.kind === "struct") {
    const members = declaration.members.map((member) => `  ${inLine(parameterTokens(member))},\n`);
    return `struct ${declaration.name} {\n${members.join("")}}`;
  }
  if (declaration.kind !== "fn") return inLine(tokensOf(declaration));
  const { attributes, name, parameters, returns, body } = declaration;
  const marks = attributes.length > 0 ? `${inLine(attributes)}\n` : "";
  const list = parameters.map((parameter) => inLine(parameterTokens(parameter)));
  const result = returns.length > 0 ? ` -> ${inLine(returns)}` : "";
  const header = `fn ${name}(${list.join(", ")})${result} {`;
  const broken = `fn ${name}(\n${list.map((line) => `  ${line},\n`).join("")})${result} {`;
  return `${marks}${header.length > WIDTH ? broken : header}${body.length > 0 ? "\n" : ""}${statements(body)}}`;
}

/** The lines of a function's body. */
function statements(body: Tokens): string {
  let text = "";
  let indent = "  ";
  let line = new Line();
  /** Number of open brackets: a semicolon inside ends no line. */
  let open = 0;
  const end = (mark: string) => {
    if (line.text || mark) text += wrapped(text.endsWith("} ") ? "" : indent, line.text + mark);
    line = new Line();
  };
  body.forEach((token, i) => {
    if (token === "(" || token === "[") open++;
    else if (token === ")" || token === "]") open--;
    if (open === 0 && token === ";") end(";");
    else if (token === "{") {
      end(line.text ? " {" : "{");
      indent += "  ";
    } else if (token === "}") {
      end("");
      indent = indent.slice(2);
      text += `${indent}}${body[i + 1] === "else" ? " " : "\n"}`;
    } else line.add(token);
  });
  return text;
}

/** A statement on lines of at most {@link WIDTH} characters, as far as it has blanks to break at. */
function wrapped(indent: string, statement: string): string {
  let text = "";
  let line = indent + statement;
  for (;;) {
    const at = line.length > WIDTH ? line.lastIndexOf(" ", WIDTH) : 0;
    if (line.slice(0, at).trim() === "") return `${text}${line}\n`;
    text += `${line.slice(0, at)}\n`;
    line = `${indent}    ${line.slice(at + 1)}`;
  }
}

/** Properties of a token that affect a line's layout. */
interface Habits {
  readonly text: string;
  /** Whether no blank precedes the token; below, whether none follows. */
  readonly tightBefore: boolean;
  readonly tightBehind: boolean;
  /** Whether the token is a sign before an operand. */
  readonly sign: boolean;
  /** Whether an operand or a callee may end with the token: no blank precedes a bracket after it. */
  readonly ends: boolean;
}

const WORD = /[\p{XID_Continue}]$/u;
const KEYWORDS = /^(?:if|for|while|switch|return|case)$/;
const known = new Map<string, Habits>();

function habitsOf(token: string): Habits {
  let habits = known.get(token);
  if (!habits) {
    habits = {
      text: written(token),
      tightBefore: /^(?:[,;:)\].⟨⟩[]|\+\+|--)$/.test(token),
      tightBehind: /^[([.@⟨!~]$/.test(token),
      sign: /^[-&*]$/.test(token),
      ends: /[)\]⟩]$/.test(token) || (WORD.test(token) && !KEYWORDS.test(token)),
    };
    known.set(token, habits);
  }
  return habits;
}

/** WGSL writes the brackets of templates as comparisons. */
function written(token: string): string {
  return token === "⟨" ? "<" : token === "⟩" ? ">" : token;
}

/** Tokens on one line, with blanks as people write them. */
class Line {
  text = "";
  #ended = false;
  #tight = true;

  add(token: string): void {
    const { text, tightBefore, tightBehind, sign, ends } = habitsOf(token);
    if (!this.#tight && !tightBefore && !(this.#ended && token === "(")) this.text += " ";
    this.text += text;
    this.#tight = tightBehind || (!this.#ended && sign);
    this.#ended = ends;
  }
}

function inLine(tokens: Tokens): string {
  const line = new Line();
  for (const token of tokens) line.add(token);
  return line.text;
}

/** Everything on one line, with blanks only where tokens would merge. */
export function printCompactly(module: Module): string {
  let text = "";
  let last = "";
  for (const token of module.flatMap(tokensOf)) {
    if ([WORD, OPERATOR].some((kind) => kind.test(last) && kind.test(token))) text += " ";
    text += written(token);
    last = token;
  }
  return text;
}

const OPERATOR = /^[-+*/%&|^~!=<>⟨⟩]/;

/** All tokens of a declaration. */
export function tokensOf(declaration: Declaration): string[] {
  switch (declaration.kind) {
    case "const":
    case "override":
    case "alias":
    case "var": {
      const { attributes, kind, space, name, type, value } = declaration;
      return [
        ...attributes,
        kind,
        ...(space.length > 0 ? ["⟨", ...space, "⟩"] : []),
        name,
        ...(type.length > 0 ? [":", ...type] : []),
        ...(value.length > 0 ? ["=", ...value] : []),
        ";",
      ];
    }
    case "struct":
      return ["struct", declaration.name, "{", ...listed(declaration.members), "}"];
    case "fn": {
      const { attributes, name, parameters, returns, body } = declaration;
      const result = returns.length > 0 ? ["->", ...returns] : [];
      return [...attributes, "fn", name, "(", ...listed(parameters), ")", ...result, "{", ...body, "}"];
    }
    default:
      return [declaration.kind, ...declaration.tokens, ";"];
  }
}

function listed(parameters: readonly Parameter[]): string[] {
  return parameters.flatMap((parameter, i) => [...(i > 0 ? [","] : []), ...parameterTokens(parameter)]);
}

function parameterTokens({ attributes, name, type }: Parameter): string[] {
  return [...attributes, name, ":", ...type];
}
