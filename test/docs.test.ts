/**
 * Every example of the documentation runs: the `ts` blocks of README.md, docs/*.md and doc comments, and the programs in
 * `examples/`. What a program prints must be its `// =>` comments, in their order, and nothing else.
 *
 * A block is a complete program. If it begins with `// name.ts`, the other blocks of its page can import it as `./name.ts`;
 * if that is `name.test.ts`, it is a test file and vitest runs it; `name.thread.ts` is run by a block that spawns it.
 */
import { execFile, spawn } from "node:child_process"
import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify, stripVTControlCharacters } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { serverOf } from "./durable/postgres/server.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const condition = "effect-worker-pool-source"

/** Inside the package, so that its name resolves to itself, and not under `test`, where vitest would find the tests. */
const folder = mkdtempSync(join(root, ".docs-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Program {
  /** Where the reader finds it. */
  readonly name: string
  readonly file: string
  readonly text: string
}

const blocksOf = (page: string): ReadonlyArray<Program> => {
  const source = readFileSync(join(root, page), "utf8")
  const text = page.endsWith(".ts") ? source.replaceAll(/^ *\* ?/gm, "") : source
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(({ 1: block, index }) => {
    const line = text.slice(0, index).split("\n").length
    const name = /^\/\/ (\S+\.ts)\n/.exec(block!)?.[1] ?? `line-${line}.ts`
    return { name: `${page}:${line}`, file: join(folder, page.replaceAll(/\W/g, "-"), name), text: block! }
  })
}

const pages = ["README.md", ...globSync(["docs/*.md", "src/**/*.ts"], { cwd: root }).sort()]
const blocks = pages.flatMap(blocksOf)
for (const { file, text } of blocks) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
const examples = globSync("examples/*.ts", { cwd: root })
  .sort()
  .map((name): Program => ({ name, file: join(root, name), text: readFileSync(join(root, name), "utf8") }))

/** What `npm run serve` serves, for the programs and lines that need it. */
let service: { readonly url: string; readonly stop: () => void }
beforeAll(async () => {
  const handlers = join(root, "examples/handlers.ts")
  const process_ = spawn(process.execPath, ["src/main.ts", "serve", "--handlers", handlers, "--port", "0"], {
    cwd: root
  })
  const url = await new Promise<string>((resolve, reject) => {
    process_.stdout.on("data", (data) => resolve(/http:\S+/.exec(String(data))![0]))
    process_.on("exit", () => reject(new Error("the service ended")))
  })
  service = { url, stop: () => process_.kill("SIGKILL") }
})
afterAll(() => service.stop())

/** Where the programs that store something do so. */
const server = serverOf("docs")
const jobs = mkdtempSync(join(tmpdir(), "worker-pool-docs-"))
// The server may have to run as another user, who must be able to enter it.
chmodSync(jobs, 0o711)
afterAll(() => rmSync(jobs, { recursive: true, force: true }))

const node = async (...args: ReadonlyArray<string>) =>
  promisify(execFile)(process.execPath, args, {
    cwd: root,
    timeout: 60_000,
    killSignal: "SIGKILL",
    env: {
      ...process.env,
      WORKER_POOL_URL: service.url,
      DATABASE_URL: server.url(),
      JOBS_DIRECTORY: join(jobs, "jobs")
    }
  }).catch(({ stderr, stdout }) => expect.unreachable(`node ${args.join(" ")} failed:\n${stdout}${stderr}`))

/** What a drain that had to force something warns of has the time of day: that alone is left out. */
const isWarning = (line: string): boolean => /^\[[\d:.]+\] WARN /.test(line)

const printed = (output: string): ReadonlyArray<string> =>
  output.split("\n").filter((line) => line !== "" && !isWarning(line))

const promised = ({ text }: Program): ReadonlyArray<string> =>
  [...text.matchAll(/\/\/ => (.*)$/gm)].map(([, line]) => line!)

describe("the documentation's programs", () => {
  it("are there to be found", () => {
    expect(blocks.filter(({ name }) => name.startsWith("README.md")).length).toBeGreaterThan(0)
    expect(blocks.filter(({ name }) => name.startsWith("docs/")).length).toBeGreaterThan(6)
    expect(examples.length).toBeGreaterThan(3)
    expect(new Set(blocks.map(({ file }) => file)).size).toBe(blocks.length)
  })

  it("compile", async () => {
    const config = { extends: "../tsconfig.json", include: [], files: blocks.map(({ file }) => file) }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
    await node("node_modules/.bin/tsc", "-p", folder)
  })

  it.for(
    [...blocks, ...examples].filter(({ file }) => !/\.(test|thread)\.ts$/.test(file)).map((p) => [p.name, p] as const)
  )("%s prints what it says", async ([, program]) => {
    const { stdout } = await node(`--conditions=${condition}`, program.file)
    expect(printed(stdout)).toEqual(promised(program))
  })

  it("and the lines of a shell get what they say, with curl from a service", async () => {
    const lines = pages
      .filter((page) => page.endsWith(".md"))
      .flatMap((page) => [...readFileSync(join(root, page), "utf8").matchAll(/^((?:curl|echo) .*)\n# => (.*)$/gm)])
    expect(lines.length).toBeGreaterThan(4)
    for (const [, line, expected] of lines) {
      const command = line!.replace("http://127.0.0.1:8080", service.url)
      const { stdout } = await promisify(execFile)("sh", ["-c", command], { cwd: root })
      expect(stdout, line).toContain(expected)
    }
  })

  it("that are test files pass", async () => {
    const tests = blocks.filter(({ file }) => file.endsWith(".test.ts"))
    const config = join(folder, "vitest.config.ts")
    writeFileSync(config, `export default { ssr: { resolve: { conditions: ["${condition}", "node", "import"] } } }\n`)
    const { stdout } = await node("node_modules/.bin/vitest", "run", "--root", folder, "--config", config)
    expect(stripVTControlCharacters(stdout)).toMatch(new RegExp(`Test Files +${tests.length} passed`))
  })
})

describe("the documentation's tables", () => {
  const reference = readFileSync(join(root, "docs/reference.md"), "utf8")
  const program = readFileSync(join(root, "docs/program.md"), "utf8")

  /** The first columns of the table under a heading, without their marks. */
  const rows = (text: string, columns: number): ReadonlyArray<string> =>
    text
      .split("\n")
      .map((line) => line.replace(/^ \*( |$)/, ""))
      .filter((line) => line.startsWith("| `"))
      .map((line) => line.split(" | ").slice(0, columns).join(" | ").replace(/ \|$/, ""))

  it("have the pool's options as PoolConfig has them", () => {
    const own = rows(readFileSync(join(root, "src/PoolConfig.ts"), "utf8"), 3)
    expect(own.length).toBeGreaterThan(10)
    for (const row of own) expect(rows(reference, 3)).toContain(row)
  })

  it("have the options of threads, in their order", () => {
    const [, own] = /^export interface Options \{\n(.*?)^\}/ms.exec(
      readFileSync(join(root, "src/threads/settings.ts"), "utf8")
    )!
    const options = Array.from(own!.matchAll(/^  readonly (\w+)\?/gm), ([, name]) => name)
    const page = readFileSync(join(root, "docs/threads.md"), "utf8")
    const [, section] = /^## Options\n(.*?)^## /ms.exec(page)!
    expect(options.length).toBeGreaterThan(9)
    expect(rows(section!, 1)).toEqual(options.map((name) => `| \`${name}\``))
  })

  it("have the options of durable pools, in their order", () => {
    const settings = readFileSync(join(root, "src/durable/settings.ts"), "utf8")
    const options = Array.from(settings.matchAll(/^  readonly (\w+)\?/gm), ([, name]) => name).filter(
      (name) => name !== "name"
    )
    const page = readFileSync(join(root, "docs/durable.md"), "utf8")
    const [, section] = /^## Options\n(.*?)^## /ms.exec(page)!
    expect(options.length).toBeGreaterThan(6)
    expect(rows(section!, 1)).toEqual(options.map((name) => `| \`${name}\``))
  })

  it("have the errors that there are, and no others", () => {
    const sources = ["PoolError", "ConfigError"].map((file) => readFileSync(join(root, `src/${file}.ts`), "utf8"))
    const own = sources.join("\n").matchAll(/^export class (\w+) /gm)
    const section = /^## How a request ends\n(.*?)^## /ms.exec(reference)![1]!
    const named = section.matchAll(/`([A-Z]\w+)`/g)
    const functions = new Set(["Handlers"])
    expect(new Set(Array.from(named, ([, name]) => name!).filter((name) => !functions.has(name)))).toEqual(
      new Set(Array.from(own, ([, name]) => name))
    )
  })

  it("have for each fault of the article the name of the test that shows ours right", () => {
    const tests = readFileSync(join(root, "test/article.test.ts"), "utf8")
    const names = Array.from(tests.matchAll(/it\.effect\((["'])(\d+)\. (.*?)\1,/g), ([, , n, name]) => `${n} ${name}`)
    const article = readFileSync(join(root, "docs/article.md"), "utf8")
    const shown = Array.from(article.matchAll(/^\| (\d+) \| .* \| (.*) \|$/gm), ([, n, name]) => `${n} ${name}`)
    expect(names.length).toBe(21)
    expect(shown).toEqual(names)
  })

  it("have the program's flags as its help has them", async () => {
    const { stdout } = await node("src/main.ts", "run", "--help")
    const flags = (text: string) => new Set(text.match(/--[a-z]+(-[a-z]+)*/g))
    const everywhere = new Set(["--help", "--version", "--wizard", "--completions", "--log-level"])
    expect(flags(rows(program, 1).join("\n"))).toEqual(
      new Set([...flags(stdout)].filter((flag) => !everywhere.has(flag)))
    )
  })

  it("have each thing that holds a number of workers back", () => {
    const [, type] = /export type HeldBack =(.*?)\n\n/s.exec(
      readFileSync(join(root, "src/policies/policy.ts"), "utf8")
    )!
    const page = readFileSync(join(root, "docs/operating.md"), "utf8")
    const [, table] = /^\| `heldBack` (.*?)\n\n/ms.exec(page)!
    const cells = rows(table!, 1)
      .join()
      .matchAll(/`(\w+)`/g)
    expect([...cells].map(([, name]) => name).sort()).toEqual(
      [...type!.matchAll(/"(\w+)"/g)].map(([, name]) => name).sort()
    )
  })

  it("have each event of a pool, with Effect and without", () => {
    const named = (file: string, field: string) =>
      Array.from(
        readFileSync(join(root, file), "utf8").matchAll(
          new RegExp(`  \\| \\(?\\{\\s+readonly ${field}: "(\\w+)"`, "g")
        ),
        ([, name]) => name
      )
    const [, table] = /^## Events\n(.*?)^## /ms.exec(reference)!
    const events = named("src/PoolEvent.ts", "_tag")
    expect(events.length).toBeGreaterThan(15)
    expect(rows(table!, 1).join().match(/\w+/g)!.sort()).toEqual(events.sort())
    const [, list] = /^The events are (.*?)\. What/ms.exec(readFileSync(join(root, "docs/promise.md"), "utf8"))!
    const own = named("src/promise/outcome.ts", "type")
    expect([...list!.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort()).toEqual(own.sort())
  })

  it("have each option of a call, of a breaker and of a budget", () => {
    const protection = readFileSync(join(root, "docs/protection.md"), "utf8")
    for (const [file, name, page, heading] of [
      ["Call", "Options", reference, "Options of a request"],
      ["RequestPolicy", "Fields", reference, "Options of a request"],
      ["CircuitBreaker", "Options", reference, "A circuit breaker"],
      ["RetryBudget", "Options", protection, "A budget for retries"],
      ["recurring/options", "Plan", protection, "Again and again"]
    ] as const) {
      const source = readFileSync(join(root, `src/${file}.ts`), "utf8")
      const [, own] = new RegExp(`^export interface ${name}.*?\\{\\n(.*?)^\\}`, "ms").exec(source)!
      const options = Array.from(own!.matchAll(/^  readonly (\w+)\?/gm), ([, option]) => option!)
      expect(options.length).toBeGreaterThan(3)
      const [, section] = new RegExp(`^##+ ${heading}\\n(.*?)^##`, "ms").exec(page)!
      const first = rows(section!, 1).join().match(/\w+/g)
      for (const option of options) expect(first, `${option} of ${file}`).toContain(option)
    }
  })

  it("and links lead to files that are there", () => {
    for (const page of pages.filter((page) => page.endsWith(".md"))) {
      for (const [, target] of readFileSync(join(root, page), "utf8").matchAll(/\]\(([^)#:]+)\)/g)) {
        expect(existsSync(join(root, dirname(page), target!)), `${target} in ${page}`).toBe(true)
      }
    }
  })
})
