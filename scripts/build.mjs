// Builds `dist` from nothing: JavaScript, declarations and source maps.
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, rmSync } from "node:fs"

rmSync("dist", { recursive: true, force: true })
const { status } = spawnSync(process.execPath, ["node_modules/.bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit"
})
if (existsSync("dist/main.js")) chmodSync("dist/main.js", 0o755)
process.exit(status ?? 1)
