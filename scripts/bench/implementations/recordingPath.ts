/** A file in a folder of the system's for what does not stay. */
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const recordingPath = (): string => join(mkdtempSync(join(tmpdir(), "bench-")), "load.jsonl")
