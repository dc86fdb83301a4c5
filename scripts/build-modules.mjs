// Makes fewer modules of those that TypeScript has written, as each takes its time to load however small it is:
// - `dist/bundle.js` is what `effect-worker-pool` loads, and `dist/promise/bundle.js` what the door for promises loads beyond
//   that. A module that is in one of them is a line that exports it from there.
// - `effect` as a whole brings modules that no pool uses: each that is used is imported by its own name.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, posix } from "node:path"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"

const dist = fileURLToPath(new URL("../dist", import.meta.url))
const read = (path) => readFileSync(join(dist, path), "utf8")
const write = (path, text) => writeFileSync(join(dist, path), text)
const modules = readdirSync(dist, { recursive: true }).filter((path) => path.endsWith(".js"))
const aimOf = (path, from) => posix.join(dirname(path), from)
const relative = (path, to) => {
  const from = posix.relative(dirname(path), to)
  return from.startsWith(".") ? from : `./${from}`
}

/** The modules that a barrel exports, by the names that it gives them. */
const exported = new Map()
const modulesOf = (barrel) => {
  if (!exported.has(barrel)) {
    const text = readFileSync(fileURLToPath(import.meta.resolve(barrel)), "utf8")
    const all = [...text.matchAll(/^export \* as (\w+) from "\.\/(\w+)\.js"/gm)]
    exported.set(barrel, new Map(all.map(([, name, file]) => [name, `${barrel}/${file}`])))
  }
  return exported.get(barrel)
}

/** On the one line on which the import stands: the source maps stay right. */
const importByName = (text) =>
  text.replace(/^import \{ (.*) \} from "(effect(?:\/[\w-]+)?)";$/gm, (whole, names, from) => {
    const all = names.split(", ").map((name) => [name, modulesOf(from).get(name)])
    if (!all.every(([, module]) => module !== undefined)) return whole
    return all.map(([name, module]) => `import * as ${name} from "${module}";`).join(" ")
  })
for (const path of modules) write(path, importByName(read(path)))

/** A module and what is loaded with it. */
const loadedWith = (path, seen = new Set()) => {
  if (seen.has(path)) return seen
  seen.add(path)
  for (const [, from] of read(path).matchAll(/^(?:import|export) .*"(\..*)";$/gm)) loadedWith(aimOf(path, from), seen)
  return seen
}

/** The names of all modules of a bundle are in one file. */
const nameIn = (path, name) => `${path.slice(0, -3).replaceAll("/", "_")}$${name}`
const namesOf = async (path) => Object.keys(await import(join(dist, path)))

const bundleOf = new Map()
/** Imports from a bundle what is there. */
const importBundled = (path, text) =>
  text.replace(/^import \{ (.*) \} from "(\..*)";$/gm, (whole, names, from) => {
    const aim = aimOf(path, from)
    const bundle = bundleOf.get(aim)
    if (bundle === undefined || bundle === path) return whole
    const all = names.split(", ").map((name) => name.split(" as "))
    const imports = all.map(([name, alias = name]) => `${nameIn(aim, name)} as ${alias}`)
    return `import { ${imports.join(", ")} } from "${relative(path, bundle)}";`
  })

const bundle = async (file, paths) => {
  const names = new Map()
  for (const path of paths) names.set(path, await namesOf(path))
  const entry = [...names].flatMap(([path, own]) =>
    own.length === 0
      ? []
      : [
          `export { ${own.map((name) => `${name} as ${nameIn(path, name)}`).join(", ")} } from "${relative(file, path)}";`
        ]
  )
  const built = await rolldown({
    input: file,
    plugins: [
      {
        name: "dist",
        resolveId: (id, importer) => {
          if (importer === undefined) return join(dist, id)
          if (!id.startsWith(".")) return { id, external: true }
          const path = aimOf(posix.relative(dist, importer), id)
          return paths.has(path) ? join(dist, path) : { id: relative(file, path), external: true }
        },
        load: (id) => {
          const path = posix.relative(dist, id)
          if (path === file) return entry.join("\n")
          if (read(path).includes("import.meta")) throw new Error(`${path} says where it is: it cannot be in a bundle`)
          return { code: importBundled(path, read(path)), map: read(`${path}.map`) }
        }
      }
    ]
  })
  await built.write({ file: join(dist, file), format: "esm", sourcemap: true, keepNames: true })
  await built.close()
  if (/ from "effect(\/[a-z-]+)?";$/m.test(read(file))) throw new Error(`${file}: expected modules of Effect by name`)
  for (const [path, own] of names) {
    bundleOf.set(path, file)
    const all = own.map((name) => `${nameIn(path, name)} as ${name}`)
    write(path, `export { ${all.join(", ")} } from "${relative(path, file)}";\n`)
    rmSync(join(dist, `${path}.map`))
  }
}
const without = (paths, ...others) => new Set([...paths].filter((path) => !others.some((other) => other.has(path))))

const entries = new Set(["index.js", "promise/index.js"])
// What these load is little, and is on a thread, where a whole pool would take its time: it stays out of the bundles.
const light = ["SharedLimit.js", "threads/ThreadRunner.js", "threads/runFunctions.js"].map((path) => loadedWith(path))
const ofPool = loadedWith("index.js")
const ofPromises = loadedWith("promise/index.js")
const ofThreads = loadedWith("threads/Threads.js")
await bundle("bundle.js", without(ofPool, entries, ...light))
await bundle("promise/bundle.js", without(ofPromises, ofPool, ofThreads, entries, ...light))
for (const path of modules) if (!bundleOf.has(path)) write(path, importBundled(path, read(path)))
