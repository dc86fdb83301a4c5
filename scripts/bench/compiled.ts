/**
 * What a process of the benchmark runs, as JavaScript: Node's stripping of types takes memory in the process that it serves, and
 * p-queue is up to a sixth slower beside it. Packages are loaded from where they are, as their users load them.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { rolldown } from "rolldown"

/** Compiles `run.ts` with all of the project that it loads, and answers where that is until this process ends. */
export const compileRun = async (): Promise<string> => {
  // Here packages are found.
  const parent = join(import.meta.dirname, "../../node_modules/.cache")
  mkdirSync(parent, { recursive: true })
  const dir = mkdtempSync(join(parent, "bench-"))
  process.on("exit", () => rmSync(dir, { recursive: true, force: true }))
  const bundle = await rolldown({
    input: join(import.meta.dirname, "run.ts"),
    platform: "node",
    external: /^[^./]/
  })
  await bundle.write({ dir, format: "esm", entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" })
  await bundle.close()
  return join(dir, "run.mjs")
}
