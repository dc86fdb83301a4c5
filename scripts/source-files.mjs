// The TypeScript files of `src` that run in Node, as paths from there, with their text.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const root = new URL("../src", import.meta.url).pathname

export const sourceFiles = readdirSync(root, { recursive: true })
  .filter((path) => path.endsWith(".ts") && !path.startsWith("dashboard/page/"))
  .sort()
  .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))
