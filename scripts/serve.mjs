// Serves the example handlers, with the dashboard: builds the page, then runs `worker-pool serve`. Further flags are passed on.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import "./end-with-npm.mjs"

const root = fileURLToPath(new URL("..", import.meta.url))
const { status } = spawnSync(process.execPath, [join(root, "scripts/build-dashboard.mjs")], {
  stdio: "inherit",
  cwd: root
})
if (status !== 0) process.exit(status ?? 1)

const given = process.argv.slice(2)
const handlers = given.includes("--handlers") ? [] : ["--handlers", join(root, "examples/handlers.ts")]
const main = join(root, "src/main.ts")

// In this process, and not in a child: signals then reach the program as they reach any other.
process.argv = [process.argv[0], main, "serve", ...handlers, ...given]
await import("../src/main.ts")
