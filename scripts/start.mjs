// Runs the program on real work: the SHA-256 of every file under `node_modules`, and of three paths that are no files.
import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import "./end-with-npm.mjs"

const root = fileURLToPath(new URL("..", import.meta.url))
const temporary = mkdtempSync(join(tmpdir(), "worker-pool-"))
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }))

const dangling = join(temporary, "dangling")
symlinkSync(join(temporary, "gone"), dangling)

// The largest come last: then few requests wait for long ones, and one sees the pool shrink.
const files = readdirSync(join(root, "node_modules"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({ path, size: statSync(path).size }))
  .sort((a, b) => a.size - b.size)
const paths = [join(temporary, "not-there"), dangling, temporary, ...files.map(({ path }) => path)]

const requests = join(temporary, "requests.jsonl")
writeFileSync(requests, paths.map((path) => `${JSON.stringify({ type: "Checksum", data: { path } })}\n`).join(""))

const main = join(root, "src/main.ts")
const handlers = join(root, "examples/handlers.ts")
// `npm start -- --record FILE`: what is given comes before what is said here.
const given = process.argv.slice(2)
const settings = Object.entries({
  "--min-workers": "1",
  "--max-workers": "10",
  "--policy": "queueLength:4",
  "--scaling-interval": "20",
  "--max-failures": "1%"
}).flatMap(([flag, value]) => (given.includes(flag) ? [] : [flag, value]))
const args = ["run", requests, "--handlers", handlers, ...settings, ...given]
process.stderr.write(`node src/main.ts ${args.join(" ")}\n`)

// In this process, and not in a child: signals then reach the program as they reach any other.
process.argv = [process.argv[0], main, ...args]
await import("../src/main.ts")
