// What the reference has besides the generator's own: types as the code writes them, services with their members, and
// addresses that follow the repository.
import {
  Comment,
  Converter,
  DeclarationReflection,
  DefaultTheme,
  MinimalSourceFile,
  PageEvent,
  ReflectionFlag,
  ReflectionKind,
  ReflectionType,
  StructureRouter
} from "typedoc"
import ts from "typescript"

export const extend = ({ converter, renderer }) => {
  renderer.defineRouter("repository", RepositoryRouter)
  renderer.defineTheme("short", ShortTheme)
  renderer.on(PageEvent.END, qualify)
  renderer.on(PageEvent.END, mark)
  asWritten(converter)
  withFiles(converter)
  withServices(converter)
  converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const reflection of Object.values(project.reflections)) {
      // Of nearly all it would say the same.
      reflection.setFlag(ReflectionFlag.Readonly, false)
      reflection.setFlag(ReflectionFlag.Const, false)
    }
    project.getReflectionsByKind(ReflectionKind.Class).forEach(withoutBase)
  })
}

/** The base of a class here is made by a call, and says what the members say: the fields of an error, or a service. */
const withoutBase = (reflection) => {
  delete reflection.extendedTypes
  for (const child of reflection.children?.slice() ?? []) {
    delete child.inheritedFrom
    delete child.defaultValue
    if (child.kind === ReflectionKind.Constructor || child.name === "message") child.project.removeReflection(child)
  }
}

/** A page is named as a program writes it: `RetryPolicy.make`, and not `make`. */
const qualify = (page) => {
  const names = []
  const { model } = page
  if (!(model instanceof DeclarationReflection) || model.kindOf(ReflectionKind.SomeModule)) return
  for (let at = model.parent; at.kindOf(ReflectionKind.SomeModule); at = at.parent) {
    const name = at.name.split("/").at(-1)
    // The import of an entry, unless its exports are imported by their names.
    if (/^[A-Z]/.test(name)) names.unshift(name)
  }
  const qualified = names.map((name) => `${name}.`).join("")
  page.contents = page.contents
    .replace("<title>", `<title>${qualified}`)
    .replace(/<h1[^>]*>[A-Z][a-z]+( [A-Z][a-z]+)? /, (whole) => whole + qualified.replaceAll(".", ".<wbr>"))
}

/** Says to those who do not see it which part of a page is what. */
const mark = (page) => {
  page.contents = page.contents
    .replace('<div class="col-content">', '<div class="col-content" role="main">')
    .replace('<div class="page-menu">', '<div class="page-menu" role="navigation" aria-label="This page">')
    .replace('<nav class="tsd-navigation">', '<nav class="tsd-navigation" aria-label="The site">')
}

/** A table that is too wide scrolls in itself, with the keys too. */
export const withTables = ({ renderer: { rules } }) => {
  rules.table_open = () => `<div class="table" tabindex="0" role="group" aria-label="Table"><table>`
  rules.table_close = () => "</table></div>"
}

/** `docs/handlers.md` is at `docs/handlers.html`, and the API of each entry is under `api`. */
class RepositoryRouter extends StructureRouter {
  getIdealBaseName(reflection) {
    return reflection.isDocument() ? reflection.frontmatter.path : `api/${super.getIdealBaseName(reflection)}`
  }
}

/** Guides, and then the entries by the last part of their name. Sources that a guide links to are reached from there. */
class ShortTheme extends DefaultTheme {
  buildNavigation(project) {
    const sources = project.documents.filter(({ frontmatter }) => frontmatter.group === "Sources")
    const hidden = new Set(sources.map((source) => this.router.getFullUrl(source)))
    const shown = super.buildNavigation(project).filter(({ path }) => !hidden.has(path))
    const entries = shown.filter(({ kind }) => kind === ReflectionKind.Module)
    for (const entry of entries) entry.text = entry.text.split("/").at(-1)
    entries[0].class = "entries"
    return shown
  }
}

/** The compiler resolves the names in a type; a reader wants `PoolError`, not the twelve that it stands for. */
const asWritten = (converter) => {
  const rewrite = (context, reflection, declaration) => {
    const node = declaration?.type
    if (node === undefined || node.getSourceFile().isDeclarationFile || ts.isTypePredicateNode(node)) return
    if (reflection.type instanceof ReflectionType) context.project.removeReflection(reflection.type.declaration)
    reflection.type = converter.convertType(context.withScope(reflection), node)
  }
  const ofSymbol = (context, reflection) =>
    rewrite(context, reflection, context.getSymbolFromReflection(reflection)?.valueDeclaration)
  const typed = ReflectionKind.Property | ReflectionKind.Variable
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.kindOf(typed)) ofSymbol(context, reflection)
  })
  converter.on(Converter.EVENT_CREATE_SIGNATURE, rewrite)
}

/** An entry, and a namespace, is a file: it has the comment that stands before all else in it. */
const withFiles = (converter) =>
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.SomeModule)) return
    const file = context.getSymbolFromReflection(reflection)?.declarations?.find(ts.isSourceFile)
    const [, header] = /^\/\*\*(.*?)\*\/\n(?=import|export [*{])/s.exec(file?.text ?? "") ?? []
    if (header === undefined) return
    const text = header.replaceAll(/^ *\* ?/gm, "").trim()
    const source = new MinimalSourceFile(text, file.fileName)
    reflection.comment = new Comment(converter.parseRawComment(source, context.project.files).content)
  })

/** A `class X extends Context.Service<X, Shape>()("id")` has the members of its shape, and no constructor. */
const withServices = (converter) => {
  const shapes = new Map()
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Class)) return
    const declaration = context.getSymbolFromReflection(reflection)?.declarations?.find(ts.isClassDeclaration)
    const made = declaration?.heritageClauses?.[0].types[0].expression.expression
    if (made?.expression?.getText() !== "Context.Service") return
    shapes.set(reflection, converter.convertType(context.withScope(reflection), made.typeArguments[1]))
  })
  converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const [service, shape] of shapes) {
      for (const child of service.children?.slice() ?? []) project.removeReflection(child)
      if (!(shape instanceof ReflectionType)) continue
      service.children = shape.declaration.children
      for (const child of service.children) child.parent = service
    }
    shapes.clear()
  })
}
