// Bundles the door for promises with all that it needs of Effect: `dist/promise/alone.js` starts in a third of the time. A stack still
// shows the names of functions.
import { dirname, join, posix } from "node:path"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"
import { writeLicences } from "./licences.mjs"

const dist = fileURLToPath(new URL("../dist", import.meta.url))
// They say what was moved to a thread: there it is said by the same ones.
const shared = new Set(["threads/move.js", "threads/moved.js"])
const bundle = await rolldown({
  input: join(dist, "promise/index.js"),
  platform: "node",
  plugins: [
    {
      name: "shared",
      resolveId: (id, importer) => {
        if (importer === undefined || !id.startsWith(".")) return null
        const path = posix.relative(dist, join(dirname(importer), id))
        // It is right in each folder of `dist`.
        return shared.has(path) ? { id: `../${path}`, external: true } : null
      }
    }
  ]
})
const { output } = await bundle.write({
  dir: dist,
  format: "esm",
  keepNames: true,
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  entryFileNames: "promise/alone.js",
  // Beside the files that they start by name.
  chunkFileNames: "threads/alone-[name].js"
})
await bundle.close()
const works = output
  .flatMap(({ moduleIds = [] }) => moduleIds)
  .flatMap((id) => (id.includes("/node_modules/") ? [id.split("/node_modules/").at(-1).split("/")[0]] : []))
writeLicences(join(dist, "promise/alone.LICENSE.txt"), "alone.js", [...new Set(works)])
