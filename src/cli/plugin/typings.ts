/**
 * What the binary carries for the authors of plugins: the declarations of the module `havoq` and the
 * language's own. Macros (`with { type: "macro" }`): they run while the binary is built, from the
 * sources as they are then, so that nothing generated is kept beside them.
 */
import { readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import ts from "typescript";

const SRC = resolve(import.meta.dirname, "../..");
const ENTRY = join(SRC, "rules/module.ts");
/** Where the interfaces are that other files add to. */
const API = join(SRC, "hooks/plugin.ts");
/** Said here because the build hides from the compiler where it lies. */
const LIB = join(SRC, "../node_modules/typescript/lib");

/** The text of `havoq.d.ts`. */
export function havoqDeclarations(): string {
  const vocabularies = readdirSync(SRC)
    .sort()
    .map((folder) => join(SRC, folder, "protocol.ts"))
    .filter((file) => ts.sys.fileExists(file));
  const config = ts.readConfigFile(join(SRC, "../tsconfig.json"), ts.sys.readFile).config;
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, dirname(SRC));
  const emitting = { ...options, noEmit: false, declaration: true, emitDeclarationOnly: true };
  const host = ts.createCompilerHost(emitting);
  host.getDefaultLibLocation = () => LIB;
  host.getDefaultLibFileName = (given) => join(LIB, ts.getDefaultLibFileName(given));
  // Each adds its method to `ControlActions`.
  const actions = ts.sys.readDirectory(join(SRC, "control/actions"), [".ts"]);
  const program = ts.createProgram([ENTRY, ...vocabularies, ...actions], emitting, host);
  const body = new Declarations(program).print();
  return [
    "// The module `havoq`, as the havoq that wrote this file knows it. `havoq plugin new` writes it anew.",
    "",
    'declare module "havoq" {',
    ...body.split("\n").map((line) => (line === "" ? "" : `  ${line}`)),
    "}",
    "",
  ].join("\n");
}

/** The language without a platform: `lib.esnext.d.ts` and all that it refers to, by name, without comments. */
export function languageDeclarations(): Record<string, string> {
  const printer = ts.createPrinter({ removeComments: true });
  const texts: Record<string, string> = {};
  const add = (lib: string): void => {
    if (lib in texts) return;
    const source = ts.createSourceFile(lib, ts.sys.readFile(join(LIB, `lib.${lib}.d.ts`))!, ts.ScriptTarget.ESNext);
    texts[lib] = printer.printFile(source);
    for (const reference of source.libReferenceDirectives) add(reference.fileName);
  };
  add("esnext");
  return texts;
}

/** Everything reachable from the entry, flat: `hooks/` has no two declarations of one name. */
class Declarations {
  private readonly checker: ts.TypeChecker;
  private readonly files = new Map<string, ts.SourceFile>();
  private readonly taken = new Set<string>();
  private readonly out: string[] = [];

  constructor(private readonly program: ts.Program) {
    this.checker = program.getTypeChecker();
  }

  print(): string {
    this.exportsOf(ENTRY);
    return this.out.join("\n\n");
  }

  /** The declaration file of a source, as the compiler emits it. */
  private declarations(file: string): ts.SourceFile {
    let known = this.files.get(file);
    if (known === undefined) {
      let text = "";
      this.program.emit(this.program.getSourceFile(file), (_name, emitted) => void (text = emitted), undefined, true);
      known = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
      this.files.set(file, known);
    }
    return known;
  }

  private exportsOf(file: string): void {
    const source = this.declarations(file);
    for (const statement of source.statements) {
      if (ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined) {
        const target = this.target(file, statement.moduleSpecifier);
        if (statement.exportClause === undefined) this.exportsOf(target);
        else if (ts.isNamedExports(statement.exportClause)) {
          for (const { name, isTypeOnly } of statement.exportClause.elements)
            this.take(target, name.text, statement.isTypeOnly || isTypeOnly);
        }
      } else for (const name of namesOf(statement)) if (isExported(statement)) this.take(file, name, false);
    }
  }

  /** Prints a declaration once, with what it refers to. */
  private take(file: string, name: string, typeOnly: boolean): void {
    if (this.taken.has(name)) return;
    const source = this.declarations(file);
    const statements = source.statements.filter((statement) => namesOf(statement).includes(name));
    if (statements.length === 0) {
      // It only passes through this file.
      for (const statement of source.statements) {
        const names = importedNames(statement);
        if (names.includes(name)) this.take(this.target(file, specifierOf(statement)!), name, typeOnly);
      }
      return;
    }
    this.taken.add(name);
    for (const statement of statements) {
      if (name === "Protocols") {
        const at = this.out.push("") - 1;
        this.out[at] = this.protocols(statement);
        continue;
      }
      if (name === "ControlActions") {
        this.controlActions(source);
        continue;
      }
      const text = declarationText(statement, source, typeOnly);
      this.out.push(text.replace(/^(?: {4})+/gm, (indent) => indent.slice(indent.length / 2)));
      const visit = (node: ts.Node): void => {
        if (typeOnly && ts.isClassElement(node) && !isPublic(node)) return;
        if (ts.isIdentifier(node) && node.text !== name) this.refer(file, source, node.text);
        ts.forEachChild(node, visit);
      };
      visit(statement);
    }
  }

  private refer(file: string, source: ts.SourceFile, name: string): void {
    for (const statement of source.statements) {
      if (namesOf(statement).includes(name)) return this.take(file, name, true);
      if (importedNames(statement).includes(name)) return this.take(this.target(file, specifierOf(statement)!), name, true);
    }
  }

  private target(file: string, specifier: ts.Expression): string {
    return resolve(dirname(file), (specifier as ts.StringLiteral).text);
  }

  /** The methods that the files of the control actions add, in one interface. */
  private controlActions(source: ts.SourceFile): void {
    const at = this.out.push("") - 1;
    const symbol = this.checker.getSymbolAtLocation(this.program.getSourceFile(API)!)!.exports!.get("ControlActions" as ts.__String)!;
    const declarations = (symbol.declarations ?? []).filter(ts.isInterfaceDeclaration);
    const members = declarations.flatMap((declaration) => [...declaration.members]);
    const texts = members.map((member) => {
      const visit = (node: ts.Node): void => {
        if (ts.isIdentifier(node)) this.refer(API, source, node.text);
        ts.forEachChild(node, visit);
      };
      visit(member);
      return member.getFullText().replace(/^\n+/, "").replace(/^ {4}/gm, "  ");
    });
    this.out[at] = `/** What can be done to the brokers. */\nexport interface ControlActions {\n${texts.join("\n")}\n}`;
  }

  /** The vocabularies of the protocols, written out: the tables they are inferred from stay inside. */
  private protocols(statement: ts.Statement): string {
    const symbol = this.checker.getSymbolAtLocation(this.program.getSourceFile(API)!)!.exports!.get("Protocols" as ts.__String)!;
    const type = this.checker.getDeclaredTypeOfSymbol(symbol);
    return `${docOf(statement, statement.getSourceFile())}export interface Protocols ${this.members(type, [], "")}`;
  }

  /** A type as text, with every name resolved but those of the language and of this module. */
  private typeText(type: ts.Type, inside: readonly ts.Type[], indent: string, withoutUndefined = false): string {
    const { checker } = this;
    const plain = (): string => checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation);
    const alias = type.aliasTypeArguments === undefined ? type.aliasSymbol : undefined;
    if (alias !== undefined && (this.taken.has(alias.name) || this.isOfModule(alias))) return alias.name;
    if (type.isUnion()) {
      const parts = type.types.filter((part) => !withoutUndefined || (part.flags & ts.TypeFlags.Undefined) === 0);
      const texts = new Set(parts.map((part) => this.elementText(part, inside, indent)));
      if (texts.delete("false") && texts.delete("true")) texts.add("boolean");
      for (const nothing of ["null", "undefined"]) if (texts.delete(nothing)) texts.add(nothing);
      return [...texts].join(" | ");
    }
    if ((type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) === 0) return plain();
    const name = type.symbol?.name;
    if (checker.isArrayType(type) || checker.isTupleType(type)) {
      const parts = checker.getTypeArguments(type as ts.TypeReference);
      const readonly =
        name === "ReadonlyArray" || (checker.isTupleType(type) && ((type as ts.TupleTypeReference).target.readonly ?? false))
          ? "readonly "
          : "";
      if (checker.isTupleType(type)) return `${readonly}[${parts.map((part) => this.typeText(part, inside, indent)).join(", ")}]`;
      return `${readonly}${this.elementText(parts[0]!, inside, indent, true)}[]`;
    }
    if (this.isGlobal(type) || type.getCallSignatures().length > 0) return name === "Buffer" ? "Buffer" : plain();
    const named = this.named(type);
    if (named !== null) return named;
    if (inside.includes(type)) return "unknown"; // a shape within itself
    return this.members(type, [...inside, type], indent);
  }

  /** A shape that has a name in a protocol's room becomes an interface, called after both: `MqttProperties`. */
  private named(type: ts.Type): string | null {
    const symbol = type.aliasTypeArguments === undefined ? (type.aliasSymbol ?? type.symbol) : undefined;
    const declaration = symbol?.declarations?.[0];
    if (declaration === undefined || !(ts.isInterfaceDeclaration(declaration) || ts.isTypeAliasDeclaration(declaration))) return null;
    const room = basename(dirname(declaration.getSourceFile().fileName));
    const prefix = `${room[0]!.toUpperCase()}${room.slice(1)}`;
    const name = symbol!.name.startsWith(prefix) ? symbol!.name : `${prefix}${symbol!.name}`;
    if (!this.taken.has(name)) {
      this.taken.add(name);
      const at = this.out.push("") - 1;
      this.out[at] = `export interface ${name} ${this.members(type, [], "")}`;
    }
    return name;
  }

  private elementText(type: ts.Type, inside: readonly ts.Type[], indent: string, always = false): string {
    const text = this.typeText(type, inside, indent);
    return (always && / \| /.test(text) && !text.startsWith("{")) || text.startsWith("readonly ") || text.includes("=>")
      ? `(${text})`
      : text;
  }

  private members(type: ts.Type, inside: readonly ts.Type[], indent: string): string {
    const inner = `${indent}  `;
    const lines = this.checker.getPropertiesOfType(type).map((property) => {
      const declaration = property.valueDeclaration;
      const of =
        declaration === undefined ? this.checker.getTypeOfSymbol(property) : this.checker.getTypeOfSymbolAtLocation(property, declaration);
      const optional = (property.flags & ts.SymbolFlags.Optional) !== 0;
      const doc = ts.displayPartsToString(property.getDocumentationComment(this.checker)).replace(/\s+/g, " ");
      const name = /^[A-Za-z_$][\w$]*$/.test(property.name) ? property.name : JSON.stringify(property.name);
      const text = this.typeText(of, inside, inner, optional);
      return `${doc === "" ? "" : `${inner}/** ${doc.replaceAll("*/", "* /")} */\n`}${inner}${name}${optional ? "?" : ""}: ${text};`;
    });
    for (const { keyType, type: value } of this.checker.getIndexInfosOfType(type)) {
      lines.push(`${inner}[key: ${this.checker.typeToString(keyType)}]: ${this.typeText(value, inside, inner)};`);
    }
    return lines.length === 0 ? "{}" : `{\n${lines.join("\n")}\n${indent}}`;
  }

  /** Exported by the entry itself: it has its name there, wherever in the text that comes. */
  private isOfModule(symbol: ts.Symbol): boolean {
    return [API, ENTRY].some(
      (file) => this.checker.getSymbolAtLocation(this.program.getSourceFile(file)!)!.exports!.get(symbol.escapedName) === symbol,
    );
  }

  /** Declared outside of our sources: `Buffer`, `Date`, `Map`. */
  private isGlobal(type: ts.Type): boolean {
    const declarations = type.symbol?.declarations ?? [];
    return (
      type.symbol?.name !== "__type" &&
      type.symbol?.name !== "__object" &&
      declarations.length > 0 &&
      declarations.every((one) => /[\\/]node_modules[\\/]/.test(one.getSourceFile().fileName))
    );
  }
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map((one) => (one.name as ts.Identifier).text);
  const { name } = statement as ts.Statement & { name?: ts.Node };
  return name !== undefined && ts.isIdentifier(name) ? [name.text] : [];
}

function importedNames(statement: ts.Statement): string[] {
  if (ts.isImportDeclaration(statement)) {
    const bindings = statement.importClause?.namedBindings;
    return bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements.map((one) => one.name.text) : [];
  }
  if (!ts.isExportDeclaration(statement) || statement.exportClause === undefined || !ts.isNamedExports(statement.exportClause)) return [];
  return statement.moduleSpecifier === undefined ? [] : statement.exportClause.elements.map((one) => one.name.text);
}

function specifierOf(statement: ts.Statement): ts.Expression | undefined {
  return ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement) ? statement.moduleSpecifier : undefined;
}

function isExported(statement: ts.Statement): boolean {
  return ts.canHaveModifiers(statement) && (ts.getModifiers(statement) ?? []).some((one) => one.kind === ts.SyntaxKind.ExportKeyword);
}

function docOf(statement: ts.Statement, source: ts.SourceFile): string {
  const doc = ts.getJSDocCommentsAndTags(statement).at(-1);
  return doc === undefined ? "" : `${doc.getText(source)}\n`;
}

/** A declaration within an ambient module. A class that is known as a type only becomes an interface. */
function declarationText(statement: ts.Statement, source: ts.SourceFile, typeOnly: boolean): string {
  const doc = docOf(statement, source);
  if (typeOnly && ts.isClassDeclaration(statement)) {
    const members = statement.members.filter(isPublic);
    return `${doc}export interface ${statement.name!.text}${typeParameters(statement, source)} {\n${members.map((member) => `    ${member.getFullText(source).trim()}`).join("\n")}\n}`;
  }
  const text = statement
    .getText(source)
    .replace(/^export /, "")
    .replace(/^declare /, "");
  return `${doc}export ${text}`;
}

function isPublic(member: ts.ClassElement): boolean {
  const modifiers = ts.canHaveModifiers(member) ? (ts.getModifiers(member) ?? []) : [];
  return !ts.isConstructorDeclaration(member) && !modifiers.some((one) => one.kind === ts.SyntaxKind.PrivateKeyword);
}

function typeParameters(statement: ts.ClassDeclaration, source: ts.SourceFile): string {
  return statement.typeParameters === undefined ? "" : `<${statement.typeParameters.map((one) => one.getText(source)).join(", ")}>`;
}
