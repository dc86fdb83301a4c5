/** A frame of a profile as a line that rules can be written for: `effect/internal/effect.js FiberImpl.evaluate`. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

const root = join(import.meta.dirname, "../../..")

/** File, the declaration of the file in which the function stands, and its name. What has no file is `native`. */
export const lineOf = ({ functionName, lineNumber, url }: CallFrame): string => {
  const name = functionName === "" ? "anonymous" : functionName
  if (url === "") return `native ${name}`
  const file = shortened(url)
  return file.startsWith("node:") ? `${file} ${name}` : `${file} ${declarationOf(url, lineNumber)}.${name}`
}

const shortened = (url: string): string => {
  const inPackage = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?:dist\/)?(.*)/.exec(url)
  if (inPackage !== null) return `${inPackage[1]}/${inPackage[2]}`
  const path = url.startsWith("file:") ? fileURLToPath(url) : url
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path
}

const declarations = new Map<string, ReadonlyArray<readonly [line: number, name: string]>>()

/**
 * The last top-level declaration at or above a line. Many functions of Effect are methods with a computed name, which a
 * profile calls by whatever made them.
 */
const declarationOf = (url: string, line: number): string => {
  let known = declarations.get(url)
  if (known === undefined) {
    const path = url.startsWith("file:") ? fileURLToPath(url) : url
    known = existsSync(path) ? declarationsOf(readFileSync(path, "utf8")) : []
    declarations.set(url, known)
  }
  return known.findLast(([at]) => at <= line)?.[1] ?? "top"
}

export const declarationsOf = (text: string): ReadonlyArray<readonly [line: number, name: string]> =>
  text.split("\n").flatMap((source, line) => {
    const found = /^(?:export )?(?:default )?(?:abstract )?(?:const|let|class|function\*?|async function) (\w+)/.exec(
      source
    )
    return found === null ? [] : [[line, found[1]!] as const]
  })
