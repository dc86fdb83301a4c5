// The pages of the site that are written by hand, laid out in a folder of their own: the guides, the changelog, the
// examples, and each file of the repository that one of them links to. There the links between them hold.
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname, extname, join, relative } from "node:path"

/** The guides under `docs`, in the order in which the site lists them. One that is not there is left out. */
const order = [
  "reference",
  "promise",
  "handlers",
  "threads",
  "durable",
  "scaling",
  "queueing",
  "protection",
  "recording",
  "tuning",
  "program",
  "service",
  "operating",
  "kubernetes",
  "testing",
  "benchmarks",
  "upstream/index",
  "upstream/asyncContext",
  "upstream/sleep",
  "upstream/scheduler",
  "upstream/waitingFiber",
  "article"
]

/** Files that are shown as a page; a link to any other, such as a picture, leads to a copy of it. */
const shown = {
  ".ts": "ts",
  ".tsx": "tsx",
  ".mts": "ts",
  ".mjs": "js",
  ".go": "go",
  ".lua": "lua",
  ".sh": "sh",
  "": ""
}

/** Lays the pages of `root` out in `folder`, and answers which there are: the front page, and the others in order. */
export const layOut = (root, folder) => {
  const guides = globSync(["docs/*.md", "docs/upstream/*.md"], { cwd: root }).map((path) =>
    path.slice("docs/".length, -".md".length)
  )
  for (const guide of guides) if (!order.includes(guide)) throw new Error(`docs/${guide}.md has no place in pages.mjs`)
  const written = [
    ...order.filter((guide) => guides.includes(guide)).map((guide) => `docs/${guide}.md`),
    "CHANGELOG.md"
  ]
  const examples = globSync("examples/*.ts", { cwd: root }).sort()
  const linked = new Set()
  const write = (path, text) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }

  for (const path of ["README.md", ...written]) {
    const text = readFileSync(join(root, path), "utf8")
    const [, title] = /^# (.*)\n/.exec(text) ?? []
    if (title === undefined) throw new Error(`${path} does not begin with its title`)
    write(path, front({ title, path: path.slice(0, -3), group: "Guides" }) + withLinks(text, path, root, linked))
  }
  for (const path of [...linked].filter((path) => !isShown(path))) cpSync(join(root, path), join(folder, path))
  const sources = [...linked].filter((path) => isShown(path) && !examples.includes(path)).sort()
  for (const path of [...examples, ...sources])
    write(`${path}.md`, source(path, readFileSync(join(root, path), "utf8")))
  write(
    "examples.md",
    front({ title: "Examples", path: "examples", group: "Guides", children: examples.map((p) => `./${p}.md`) }) +
      list(examples, root)
  )
  return {
    frontPage: "README.md",
    others: [...written.slice(0, -1), "examples.md", ...written.slice(-1), ...sources.map((path) => `${path}.md`)]
  }
}

const isShown = (path) => extname(path) in shown

const front = (fields) => {
  const lines = Object.entries(fields).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
  return `---\n${lines.join("")}---\n\n`
}

/** A link, or a picture, to a file of the repository. */
const link = /(\]\(|\b(?:href|src|srcset)=")(?!\w+:|#|\/)([^)#\s"]+)/g

/** The same text, whose links lead to the pages that show what they lead to here. */
const withLinks = (text, path, root, linked) => {
  const lead = (whole, _, target) => {
    const found = relative(root, join(root, dirname(path), target))
    if (!existsSync(join(root, found))) throw new Error(`${path} links to ${target}, which is not there`)
    if (found === "examples") return whole.replace(/\/?$/, ".md")
    if (!statSync(join(root, found)).isFile())
      throw new Error(`${path} links to the folder ${target}: which page is meant?`)
    if (extname(found) === ".md") return whole
    linked.add(found)
    return isShown(found) ? `${whole}.md` : whole
  }
  return fenced(text)
    .map(({ begins, isCode, line }) => {
      // A block of no language is a text.
      if (begins && line === "```") return "```text"
      return isCode ? line : line.replaceAll(link, lead)
    })
    .join("\n")
}

/** The lines of a text, and whether each is in a fenced block, or begins it. */
export const fenced = (text) => {
  let fence
  return text.split("\n").map((line) => {
    const [mark] = /^`{3,}/.exec(line) ?? []
    const begins = fence === undefined && mark !== undefined
    const isCode = fence !== undefined || begins
    if (fence === undefined) fence = mark
    else if (mark === fence) fence = undefined
    return { begins, isCode, line }
  })
}

const source = (path, text) =>
  `${front({ title: path.replace(/^examples\//, ""), path, group: "Sources" })}# ${path}\n\n\`\`\`\`${shown[extname(path)]}\n${text}\`\`\`\`\n`

/** A line for each example: what its header says of it. */
const list = (examples, root) => {
  const lines = examples.map((path) => {
    const [, said] = /^\/\*\*?(.*?)\*\/|^\/\/(.*)$/ms.exec(readFileSync(join(root, path), "utf8")) ?? []
    return `- [${path}](${path}.md)${said === undefined ? "" : `: ${said.replaceAll(/\s*\n \* ?/g, " ").trim()}`}`
  })
  return `# Examples\n\nPrograms that run as they are: \`npm run example -- ${examples[0]}\`.\n\n${lines.join("\n")}\n`
}
