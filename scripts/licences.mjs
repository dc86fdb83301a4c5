// Who ships a part of a work ships its licence.
import { readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const here = fileURLToPath(import.meta.url)
// A package need not let its package.json be found, so the folder is looked for where Node looks.
const folderOf = (name, from) => {
  const folder = createRequire(from)
    .resolve.paths(name)
    .map((path) => join(path, name))
  const found = folder.find((path) => readable(join(path, "package.json")))
  if (found === undefined) throw new Error(`${name} is not installed`)
  return found
}
const readable = (path) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

const echarts = folderOf("echarts", here)
const sharedFiles = folderOf(
  "@effect/platform-node-shared",
  join(folderOf("@effect/platform-node", here), "package.json")
)
const signals = folderOf("@preact/signals", here)
/** Titles and paths, by the work that is bundled. That of tslib, which comes with ECharts, is a comment in the bundle. */
const licences = {
  echarts: [
    ...["LICENSE", "NOTICE"].map((file) => [`Apache ECharts, ${file}`, join(echarts, file)]),
    ["zrender, LICENSE", join(folderOf("zrender", join(echarts, "package.json")), "LICENSE")]
  ],
  // What a recording has of it.
  "@effect": [["@effect/platform-node-shared, LICENSE", join(sharedFiles, "LICENSE")]],
  effect: [["Effect, LICENSE", join(folderOf("effect", here), "LICENSE")]],
  preact: [["Preact, LICENSE", join(folderOf("preact", here), "LICENSE")]],
  signals: [
    ["@preact/signals, LICENSE", join(signals, "LICENSE")],
    ["@preact/signals-core, LICENSE", join(folderOf("@preact/signals-core", join(signals, "package.json")), "LICENSE")]
  ]
}

/** Writes the licences of `works` to `path`; they are parts of the file `bundle`. */
export const writeLicences = (path, bundle, works) => {
  const text = works
    .flatMap((work) => licences[work])
    .map(([title, path]) => `===== ${title}\n\n${readFileSync(path, "utf8").trim()}\n`)
  writeFileSync(path, `${bundle} is made of parts of these works.\n\n${text.join("\n")}`)
}
