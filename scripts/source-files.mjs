// The files of `src`, as paths from there, with their text.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const root = new URL("../src", import.meta.url).pathname

/** Whatever is TypeScript, the page in the browser and what is bundled included. */
export const allFiles = readdirSync(root, { recursive: true })
  .filter((path) => /\.m?tsx?$/.test(path))
  .sort()
  .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))

/** Those that run in Node as they are. */
export const sourceFiles = allFiles.filter(({ path }) => path.endsWith(".ts") && !path.startsWith("dashboard/page/"))
