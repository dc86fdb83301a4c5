// Bundles the dashboard's page into `dist/dashboard`: a script, a style sheet and the page that loads them.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"
import { writeLicences } from "./licences.mjs"

const root = new URL("..", import.meta.url)
const path = (name) => fileURLToPath(new URL(name, root))
mkdirSync(path("dist/dashboard/assets"), { recursive: true })

const bundle = await rolldown({
  input: path("src/dashboard/page/main.tsx"),
  platform: "browser",
  // The package as a whole has no side effects; this page has nothing else.
  treeshake: { moduleSideEffects: (id) => id.includes("/dashboard/page/") || undefined },
  transform: {
    define: { "process.env.NODE_ENV": '"production"' },
    jsx: { runtime: "automatic", importSource: "preact" }
  }
})
await bundle.write({ file: path("dist/dashboard/assets/app.js"), format: "esm", minify: true, codeSplitting: false })
await bundle.close()
cpSync(path("src/dashboard/page/index.html"), path("dist/dashboard/index.html"))
// In the order of their names: a later rule overrides an earlier one.
const styles = readdirSync(path("src/dashboard/page/styles")).sort()
const css = styles.map((name) => readFileSync(path(`src/dashboard/page/styles/${name}`), "utf8"))
writeFileSync(path("dist/dashboard/assets/app.css"), css.join("\n"))
writeLicences(path("dist/dashboard/assets/app.LICENSE.txt"), "app.js", ["echarts", "preact", "signals"])
