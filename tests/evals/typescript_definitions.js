// Where names are defined, by TypeScript's own language service. Reads a question as JSON from stdin:
//   {typescript, root, most, lines: [{path, offsets: [n, ...]}]}      offsets: UTF-16 units from the file's start
// and answers with the first `most` lines that hold a name which another file of the package defines:
//   [{line, offset, name, container, path, at}]                      line: its place in `lines`; at: 0-based line
const fs = require("fs");
const nodePath = require("path");
const question = JSON.parse(fs.readFileSync(0, "utf8"));
const ts = require(question.typescript);

const files = [];
const walk = (folder) => {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const path = nodePath.join(folder, entry.name);
    if (entry.isDirectory()) walk(path);
    else if (/\.(ts|tsx|js|mjs|cjs|jsx)$/.test(entry.name)) files.push(path);
  }
};
walk(question.root);

const options = {
  allowJs: true,
  checkJs: true,
  noEmit: true,
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
};
const service = ts.createLanguageService({
  getScriptFileNames: () => files,
  getScriptVersion: () => "1",
  getScriptSnapshot: (path) =>
    fs.existsSync(path) ? ts.ScriptSnapshot.fromString(fs.readFileSync(path, "utf8")) : undefined,
  getCurrentDirectory: () => question.root,
  getCompilationSettings: () => options,
  getDefaultLibFileName: (chosen) => ts.getDefaultLibFilePath(chosen),
  fileExists: ts.sys.fileExists,
  readFile: ts.sys.readFile,
  readDirectory: ts.sys.readDirectory,
  directoryExists: ts.sys.directoryExists,
});

const NAMED = new Set([
  "function", "method", "property", "class", "const", "var", "let", "interface", "type", "enum", "enum member",
  "getter", "setter",
]);
const inside = nodePath.resolve(question.root) + nodePath.sep;

const definition = (path, offset) => {
  for (const found of service.getDefinitionAtPosition(path, offset) || []) {
    const file = nodePath.resolve(found.fileName);
    if (!NAMED.has(found.kind) || found.isLocal || !file.startsWith(inside) || file === path) continue;
    const text = service.getProgram().getSourceFile(found.fileName);
    const at = ts.getLineAndCharacterOfPosition(text, found.textSpan.start).line;
    const relative = file.slice(inside.length).split(nodePath.sep).join("/");
    return { offset, name: found.name, container: found.containerName || "", path: relative, at };
  }
  return undefined;
};

const answers = [];
for (let line = 0; line < question.lines.length && answers.length < question.most; line++) {
  const { path, offsets } = question.lines[line];
  for (const offset of offsets) {
    const found = definition(nodePath.join(inside, path), offset);
    if (found) {
      answers.push({ line, ...found });
      break;
    }
  }
}
process.stdout.write(JSON.stringify(answers));
