// Builds `dist` from nothing: JavaScript, declarations and source maps, and the part of ECharts that draws.
import { spawnSync } from "node:child_process"
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { rolldown } from "rolldown"

rmSync("dist", { recursive: true, force: true })
const { status } = spawnSync(process.execPath, ["node_modules/.bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit"
})
if (status !== 0) process.exit(status ?? 1)
chmodSync("dist/main.js", 0o755)

// ECharts is no dependency of the package (it is 62 MB): what `echarts.mts` takes of it goes into this one file.
const bundled = "dist/program/echarts"
for (const end of [".mjs.map", ".d.mts", ".d.mts.map"]) rmSync(`${bundled}${end}`)
const bundle = await rolldown({
  input: "src/program/echarts.mts",
  platform: "node",
  transform: { define: { "process.env.NODE_ENV": '"production"' } }
})
await bundle.write({ file: `${bundled}.mjs`, format: "esm", minify: true, codeSplitting: false })
await bundle.close()

// Who ships a part of a work ships its licence. That of tslib is a comment in the bundle.
const folderOf = (name, from) => dirname(createRequire(from).resolve(`${name}/package.json`))
const echarts = folderOf("echarts", import.meta.url)
const licences = [
  ...["LICENSE", "NOTICE"].map((file) => [`Apache ECharts, ${file}`, join(echarts, file)]),
  ["zrender, LICENSE", join(folderOf("zrender", join(echarts, "package.json")), "LICENSE")]
]
const text = licences.map(([title, path]) => `===== ${title}\n\n${readFileSync(path, "utf8").trim()}\n`)
writeFileSync(`${bundled}.LICENSE.txt`, `echarts.mjs is made of parts of these works.\n\n${text.join("\n")}`)
