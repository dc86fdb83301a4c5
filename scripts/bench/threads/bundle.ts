/** One file for what runs on a thread, made by a process of its own: what bundles takes memory that is not to be measured. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"

/** Bundles what runs on a thread, `thread.ts` if nothing else is said, and answers where that is until the process ends. */
export const bundle = (entry = join(import.meta.dirname, "thread.ts")): URL => {
  const folder = mkdtempSync(join(tmpdir(), "bench-threads-"))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, "thread.mjs")
  execFileSync(process.execPath, [import.meta.filename, entry, file])
  return pathToFileURL(file)
}

if (import.meta.main) {
  const { rolldown } = await import("rolldown")
  const [input, file] = process.argv.slice(2) as [string, string]
  const bundled = await rolldown({ input, platform: "node" })
  await bundled.write({ file, format: "esm", minify: true, codeSplitting: false })
  await bundled.close()
}
