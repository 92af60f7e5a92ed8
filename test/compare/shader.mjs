/**
 * WGSL in a form in which two shaders are the same text where they are the same program: without comments, blank space and
 * declarations that the entry point does not reach, with its declarations in the order in which they are reached, and names
 * that the shader gives numbered in the order of their first use: those of declarations, and within each those of variables.
 */

/** Comments, numbers, names, and signs; what is left between them is blank space. */
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|0[xX][0-9a-fA-F]+[iu]?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[iufh]?|[A-Za-z_]\w*|\S/g;
const NAME = /^[A-Za-z_]\w*$/;

/** @typedef {{ readonly name: string, readonly tokens: readonly string[] }} Declaration */

/** Without commas behind the last of several things, which mean nothing. @returns {string[]} */
function tokensOf(/** @type {string} */ code) {
  const tokens = (code.match(TOKEN) ?? []).filter((token) => !/^\/[/*]/.test(token));
  return tokens.filter((token, i) => token !== "," || !/^[)}>]$/.test(tokens[i + 1] ?? ""));
}

/** The declarations of a module, each up to its semicolon or closing brace. */
function declarationsOf(/** @type {string[]} */ tokens) {
  /** @type {Declaration[]} */
  const declarations = [];
  let start = 0;
  let depth = 0;
  tokens.forEach((token, i) => {
    if (token === "{" || token === "(") depth++;
    if (token === "}" || token === ")") depth--;
    if (depth > 0 || (token !== ";" && token !== "}")) return;
    const own = tokens.slice(start, i + 1);
    start = i + 1;
    if (own.length > 1) declarations.push({ name: nameOf(own), tokens: own });
  });
  if (depth !== 0 || start !== tokens.length) throw new Error("the shader ends within a declaration");
  return declarations;
}

/** What a declaration declares; "" for a directive. */
function nameOf(/** @type {string[]} */ tokens) {
  const keyword = tokens.findIndex((token) => /^(?:const|override|var|fn|struct|alias)$/.test(token));
  if (keyword < 0) return "";
  // Behind `var` the address space and the access stand in angle brackets.
  const from = tokens[keyword + 1] === "<" ? tokens.indexOf(">", keyword) + 1 : keyword + 1;
  return tokens[from];
}

/** Names that a declaration gives: to its parameters, members and variables. @returns {Set<string>} */
function namesWithin(/** @type {Declaration} */ { name, tokens }) {
  const given = tokens.filter(
    (token, i) =>
      NAME.test(token) && (tokens[i + 1] === ":" || /^(?:let|const|var)$/.test(tokens[i - 1] ?? "")),
  );
  return new Set(given.filter((token) => token !== name));
}

/** Whether a name stands where the language's own do, whatever a variable of that name may be: a builtin value, a member, a call. */
function isMeantByLanguage(
  /** @type {readonly string[]} */ tokens,
  /** @type {number} */ i,
  /** @type {ReadonlyMap<string, Declaration>} */ declared,
) {
  if (tokens[i - 1] === ".") return true;
  if (tokens[i - 1] === "(" && tokens[i - 2] === "builtin" && tokens[i - 3] === "@") return true;
  return tokens[i + 1] === "(" && !declared.has(tokens[i]);
}

/** @throws Error where the module does not declare the entry point */
export function canonical(/** @type {string} */ code, /** @type {string} */ entryPoint) {
  const declarations = declarationsOf(tokensOf(code));
  const byName = new Map(declarations.map((declaration) => [declaration.name, declaration]));
  if (!byName.has(entryPoint)) throw new Error(`the shader declares no ${entryPoint}`);
  const directives = declarations.filter(({ name }) => name === "").map(({ tokens }) => tokens.join(" "));
  const lines = [...new Set(directives)].sort();
  /** Of the declarations that are reached, in this order, the names' numbers. */
  const reached = new Map([[entryPoint, "d0"]]);
  for (const name of reached.keys()) {
    const declaration = /** @type {Declaration} */ (byName.get(name));
    const { tokens } = declaration;
    const own = namesWithin(declaration);
    const variables = new Map();
    const line = tokens.map((token, i) => {
      if (isMeantByLanguage(tokens, i, byName)) return token;
      // Of the same name as a variable, a declaration cannot be seen.
      const [numbers, letter] = own.has(token) ? [variables, "v"] : [reached, "d"];
      if (numbers === reached && !byName.has(token)) return token;
      if (!numbers.has(token)) numbers.set(token, letter + numbers.size);
      return numbers.get(token);
    });
    lines.push(line.join(" "));
  }
  return lines.join("\n");
}
