/** Where a pool is recorded to: a file in a folder of the system's for what does not stay, which goes with the process. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const recordingPath = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "bench-"))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
  return join(folder, "load.jsonl")
}
