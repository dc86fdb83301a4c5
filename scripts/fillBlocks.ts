/** Writes measured figures into a page, between `<!-- block arguments -->` and `<!-- end -->`. */
import { readFileSync, writeFileSync } from "node:fs"

export const fillBlocks = (page: string, blocks: Readonly<Record<string, (argument: string) => string>>): void => {
  const filled = readFileSync(page, "utf8").replace(
    /<!-- ([\w-]+) ?(.*?) -->\n[\s\S]*?<!-- end -->/g,
    (_, kind: string, argument: string) => {
      const block = blocks[kind]
      if (block === undefined) throw new Error(`${page}: no block "${kind}"`)
      return `<!-- ${`${kind} ${argument}`.trim()} -->\n\n${block(argument)}\n\n<!-- end -->`
    }
  )
  writeFileSync(page, filled)
}
