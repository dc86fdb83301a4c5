// Builds the site of the documentation into `site`: the README, the guides, the changelog, the examples, and the
// reference of the API made of the doc comments. Fails on an export without a comment, and on a link that leads nowhere.
import { spawnSync } from "node:child_process"
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { layOut } from "./pages.mjs"

const here = fileURLToPath(new URL(".", import.meta.url))
const root = fileURLToPath(new URL("../..", import.meta.url))
const out = join(root, "site")

// The generator needs the compiler's API, which TypeScript 7 does not have: it has packages of its own, beside this file.
const wanted = join(here, "package-lock.json")
const installed = join(here, "node_modules/.installed")
if (!existsSync(installed) || readFileSync(installed, "utf8") !== readFileSync(wanted, "utf8")) {
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, stdio: "inherit" })
  if (status !== 0) process.exit(status ?? 1)
  copyFileSync(wanted, installed)
}
const { Application } = await import("typedoc")
const { extend, withTables } = await import("./extend.mjs")
const { brokenLinks } = await import("./links.mjs")
const { addSearch } = await import("./search.mjs")

const { exports, name } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
// A module that has two entries is told of under the first.
const told = new Set([undefined])
const entries = Object.entries(exports).flatMap(([path, { "effect-worker-pool-source": source }]) => {
  if (told.has(source)) return []
  told.add(source)
  return [{ name: name + path.slice(1), file: join(root, source) }]
})
const folder = mkdtempSync(join(tmpdir(), "worker-pool-site-"))
process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
const { frontPage, others } = layOut(root, folder)

const app = await Application.bootstrap({
  name,
  entryPoints: entries.map(({ file }) => file),
  tsconfig: join(root, "tsconfig.build.json"),
  basePath: root,
  displayBasePath: root,
  readme: join(folder, frontPage),
  projectDocuments: others.map((path) => join(folder, path)),
  // The program is checked by `npm run check`.
  skipErrorChecking: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  disableGit: true,
  sourceLinkTemplate: "",
  sort: ["source-order"],
  sortEntryPoints: false,
  groupOrder: ["Guides", "Modules", "Namespaces", "Classes", "Interfaces", "Functions", "Variables", "Properties", "*"],
  useFirstParagraphOfCommentAsSummary: true,
  headings: { readme: false, document: false },
  navigation: { includeGroups: false, includeFolders: false },
  visibilityFilters: {},
  includeHierarchySummary: false,
  router: "repository",
  theme: "short",
  typePrintWidth: 72,
  markdownItLoader: withTables,
  highlightLanguages: ["ts", "tsx", "js", "sh", "json", "yaml", "go", "lua", "html", "css"],
  customCss: join(here, "style.css"),
  customJs: join(here, "search.js"),
  favicon: join(here, "favicon.svg"),
  githubPages: false,
  hideGenerator: true,
  validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true, notDocumented: true },
  requiredToBeDocumented: ["Module", "Namespace", "Class", "Interface", "TypeAlias", "Function", "Variable"],
  // Named by what is exported, and told there.
  intentionallyNotExported: [
    "Known",
    // What a store is to the pool on it.
    "Member",
    "Session",
    "Given",
    "Job",
    "WithResults",
    "Arguments",
    "Counters",
    "Alarm",
    "Draw",
    "Ended",
    "InputOf",
    "Mapped",
    "Reserved",
    "Spawned",
    "TypeId",
    "ValueOf",
    "WithOutcomes",
    "days"
  ],
  treatWarningsAsErrors: true
})
extend(app)
const points = app.getEntryPoints() ?? process.exit(1)
for (const point of points) {
  point.displayName = entries.find(({ file }) => file === point.sourceFile.fileName).name
}
const project = app.converter.convert(points)
app.validate(project)
rmSync(out, { recursive: true, force: true })
await app.generateDocs(project, out)
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1)

await addSearch(out)
const { broken, links, pages } = brokenLinks(out)
for (const problem of broken) console.error(problem)
console.log(`${pages} pages, ${links} links, ${broken.length} of them broken`)
process.exit(broken.length === 0 ? 0 : 1)
