// Builds `dist` from nothing: JavaScript in few modules, declarations and source maps, the part of ECharts that draws, and
// the dashboard.
import { spawnSync } from "node:child_process"
import { chmodSync, rmSync } from "node:fs"
import { rolldown } from "rolldown"
import { writeLicences } from "./licences.mjs"

rmSync("dist", { recursive: true, force: true })
const { status } = spawnSync(process.execPath, ["node_modules/.bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit"
})
if (status !== 0) process.exit(status ?? 1)
chmodSync("dist/main.js", 0o755)
await import("./build-modules.mjs")
await import("./build-alone.mjs")

// ECharts is no dependency of the package (it is 62 MB): what `echarts.mts` takes of it goes into this one file.
const bundled = "dist/program/simulate/echarts"
for (const end of [".mjs.map", ".d.mts", ".d.mts.map"]) rmSync(`${bundled}${end}`)
const bundle = await rolldown({
  input: "src/program/simulate/echarts.mts",
  platform: "node",
  transform: { define: { "process.env.NODE_ENV": '"production"' } }
})
await bundle.write({ file: `${bundled}.mjs`, format: "esm", minify: true, codeSplitting: false })
await bundle.close()

writeLicences(`${bundled}.LICENSE.txt`, "echarts.mjs", ["echarts"])

await import("./build-dashboard.mjs")
