// Bundles the dashboard's page into `dist/dashboard`: a script, a style sheet and the page that loads them.
import { cpSync, mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"
import { writeLicences } from "./licences.mjs"

const root = new URL("..", import.meta.url)
const path = (name) => fileURLToPath(new URL(name, root))
mkdirSync(path("dist/dashboard"), { recursive: true })

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
await bundle.write({ file: path("dist/dashboard/app.js"), format: "esm", minify: true, codeSplitting: false })
await bundle.close()
for (const name of ["index.html", "app.css"]) cpSync(path(`src/dashboard/page/${name}`), path(`dist/dashboard/${name}`))
writeLicences(path("dist/dashboard/app.LICENSE.txt"), "app.js", ["echarts", "preact", "signals"])
