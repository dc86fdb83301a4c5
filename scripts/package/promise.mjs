/** Proves that `effect-worker-pool/promise` works for somebody who has nothing but the package: no Effect, no handler, no layer. */
import { execFile } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { startServer } from "./server.mjs"

const here = import.meta.dirname
const strict = ["--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "false", "--noEmit"]
const settings = {
  "with module nodenext": ["--module", "nodenext", "--target", "es2024", "--types", "node"],
  "without @types/node": ["--module", "nodenext", "--target", "esnext", "--types", ""],
  // Without the DOM's names the declarations of `effect` are not whole.
  "without the DOM": [
    "--module",
    "nodenext",
    "--target",
    "es2024",
    "--lib",
    "es2024",
    "--types",
    "node",
    "--skipLibCheck",
    "true"
  ],
  "for a bundler": ["--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022", "--types", "node"]
}
const fromCommonJs = `import { createPool, type Pool } from "effect-worker-pool/promise"
const pool: Pool<{}> = createPool({ maxWorkers: 2 })
export const half: Promise<number> = pool.run(() => 21)
`
const said = `"run" "a"
"handler, at its second attempt" "failing"
"timeout" "REQUEST_TIMEOUT" true
"signal" "enough"
"map" ["b","c","d"]
"submit, and a request within it" "nested"
"within its own slot" 3
"async context" ["ann","bob"]
"on a thread that is spawned" 42
`

/** `tarball` and what else to `install`, by the tools of `check-package.mjs`. */
export const checkPromise = async ({ expect, folder, install, run, step, tarball }) => {
  const project = join(folder, "promise")
  mkdirSync(project)
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "promise", private: true, type: "module" }))
  run(project, "npm", "install", "--silent", "--no-audit", "--no-fund", tarball, ...install)
  expect(existsSync(join(project, "node_modules/effect")), "npm installs effect without being asked")

  for (const name of [
    "consumer.ts",
    "consumer.mjs",
    "consumer.cjs",
    "threads.ts",
    "functions.ts",
    "functions.thread.mjs"
  ])
    copyFileSync(join(here, name), join(project, name))
  writeFileSync(join(project, "consumer.cts"), fromCommonJs)
  const tsc = join(project, "node_modules/.bin/tsc")
  for (const options of Object.values(settings)) run(project, tsc, ...strict, ...options, "consumer.ts")
  run(project, tsc, ...strict, ...settings["with module nodenext"], "consumer.cts")
  const named = "--allowImportingTsExtensions"
  run(project, tsc, ...strict, ...settings["with module nodenext"], named, "threads.ts")
  step(`type-checked effect-worker-pool/promise ${Object.keys(settings).join(", ")}, and from CommonJS`)

  /** The same program by the door that has its own part of Effect. */
  const toAlone = (name) => {
    const text = readFileSync(join(project, name), "utf8")
    const alone = text.replaceAll('"effect-worker-pool/promise"', '"effect-worker-pool/promise/alone"')
    writeFileSync(join(project, `alone-${name}`), alone)
    return `alone-${name}`
  }

  const { server, url } = await startServer()
  // The server is of this process: it must not stand still while they run.
  const ran = async (...args) => {
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: project, timeout: 60_000 })
    return stdout
  }
  const drained = await ran("consumer.mjs", url, "drain")
  expect(
    drained === `${said}"drain" 14 false "POOL_DRAINING"\n`,
    `the JavaScript prints what it should, got ${drained}`
  )
  const left = await ran("consumer.mjs", url)
  expect(left === said, `without a drain it prints the same, and ends, got ${left}`)
  const alone = await ran(toAlone("consumer.mjs"), url, "drain")
  expect(alone === drained, `effect-worker-pool/promise/alone prints the same, got ${alone}`)
  server.close()
  server.closeAllConnections()
  const required = await ran("consumer.cjs")
  expect(required === "42\n", `CommonJS prints 42, got ${required}`)
  step("ran it as JavaScript, with a drain and without one, alone, and as CommonJS")

  for (const name of ["threads.ts", toAlone("threads.ts")]) {
    const places = await ran(name)
    expect(places === "thread 2 3\nprocess 2 3\n", `${name}: functions run on threads and in processes, got ${places}`)
  }
  step("ran the functions of a module on threads and in processes")
}
