/** Bundled programs have their threads: what `docs/threads.md` says of each bundler, as it says it. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll } from "vitest"

const root = fileURLToPath(new URL("../..", import.meta.url))
const here = fileURLToPath(new URL("./bundling", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "bundling-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Of this package its source is bundled: there need be no `dist`. */
const source = "effect-worker-pool-source"
const conditions = [source, "node", "import"]
const input = { app: join(here, "app.ts"), "images.thread": join(here, "images.thread.ts") }

/** Each writes `app.js` into `out`, and what is on its threads. */
const builds: Record<string, (out: string) => Promise<unknown>> = {
  esbuild: async (outdir) => {
    const esbuild = await import("esbuild")
    const options = { bundle: true, platform: "node", format: "esm", splitting: true } as const
    await esbuild.build({ ...options, entryPoints: input, outdir, conditions: [source], logLevel: "silent" })
    await esbuild.stop()
  },
  rolldown: async (dir) => {
    const { rolldown } = await import("rolldown")
    const bundle = await rolldown({ input, platform: "node", resolve: { conditionNames: conditions } })
    await bundle.write({ dir, format: "esm" })
    await bundle.close()
  },
  vite: async (outDir) => {
    const { build } = await import("vite")
    await build({
      root: here,
      configFile: false,
      logLevel: "silent",
      build: { ssr: true, outDir, rolldownOptions: { input } },
      ssr: { noExternal: true, resolve: { conditions } }
    })
  },
  webpack: async (path) => {
    const { default: webpack } = await import("webpack")
    const compiler = webpack({
      mode: "production",
      // What makes it small takes half a minute.
      optimization: { minimize: false },
      target: "node",
      entry: { app: join(here, "webpackApp.ts") },
      output: { path, module: true, filename: "[name].mjs", chunkFormat: "module" },
      experiments: { outputModule: true },
      resolve: { conditionNames: conditions },
      module: {
        parser: { javascript: { worker: ["Worker from node:worker_threads", "..."] } },
        rules: [{ test: /\.ts$/, use: join(here, "typeless.cjs") }]
      }
    })!
    const stats = await new Promise<import("webpack").Stats>((resolve, reject) =>
      compiler.run((error, stats) => (error ? reject(error) : resolve(stats!)))
    )
    assert.isFalse(stats.hasErrors(), stats.toString("errors-only"))
    await new Promise((resolve) => compiler.close(resolve))
  }
}

const node = async (...args: ReadonlyArray<string>): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000, killSignal: "SIGKILL" })
  return stdout
}

describe("a program that was bundled", () => {
  it.each(["esbuild", "rolldown", "vite"])(
    "by %s has its threads and processes",
    async (bundler) => {
      const out = join(folder, bundler)
      await builds[bundler]!(out)
      assert.strictEqual(await node(join(out, "app.js")), "7 thread\n7 process\n")
    },
    120_000
  )

  it("by webpack has its threads", async () => {
    const out = join(folder, "webpack")
    await builds["webpack"]!(out)
    assert.strictEqual(await node(join(out, "app.mjs")), "7 thread\n")
  }, 180_000)

  it.each([
    { title: "but for this package has the functions of a module on threads", external: ["effect-worker-pool"] },
    { title: "with this package says what is missing where its own file for threads was left behind", external: [] }
  ])("$title", async ({ external }) => {
    const out = join(folder, external[0] ?? "whole")
    const esbuild = await import("esbuild")
    const options = { bundle: true, platform: "node", format: "esm", target: "node22", logLevel: "silent" } as const
    const entryPoints = ["functionsApp.ts", "functions.ts"].map((file) => join(here, file))
    await esbuild.build({ ...options, entryPoints, outdir: out, external, conditions: [source] })
    await esbuild.stop()
    if (external.length > 0) installIn(out)
    const printed = await node(`--conditions=${source}`, join(out, "functionsApp.js")).catch(({ stderr }) => stderr)
    if (external.length > 0) assert.strictEqual(printed, "7 thread\n")
    else assert.match(printed, /Cannot find module '.*runner\/main\.js'/)
  })
})

/** As an installation of the package would lie beside it. */
const installIn = (folder: string): void => {
  mkdirSync(join(folder, "node_modules"))
  symlinkSync(root, join(folder, "node_modules/effect-worker-pool"))
}
