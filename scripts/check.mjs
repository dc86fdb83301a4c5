// Runs every static check: format, lint, types, the import table, the style rules. Stops at the first that fails.
import { spawnSync } from "node:child_process"

const checks = {
  format: ["node_modules/.bin/oxfmt", "--check"],
  lint: ["node_modules/.bin/oxlint", "--deny-warnings"],
  types: ["node_modules/.bin/tsc", "-p", "tsconfig.json"],
  "types of the page": ["node_modules/.bin/tsc", "-p", "tsconfig.dashboard.json"],
  imports: ["scripts/check-imports.mjs"],
  style: ["scripts/check-style.mjs"]
}

for (const [name, command] of Object.entries(checks)) {
  const started = performance.now()
  const { status } = spawnSync(process.execPath, command, { stdio: "inherit" })
  console.log(`${status === 0 ? "ok    " : "FAILED"} ${name} (${Math.round(performance.now() - started)} ms)`)
  if (status !== 0) process.exit(1)
}
