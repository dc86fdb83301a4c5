/** The reproductions under `docs/upstream` run, and what they change of Effect keeps what they say. Their figures are nobody's business here. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { promisify } from "node:util"

const folder = join(import.meta.dirname, "../docs/upstream")
const scripts = globSync("*.mjs", { cwd: folder }).filter((name) => name !== "measure.mjs")

describe("what only Effect can mend", () => {
  it("has a page for each reproduction, which the list of them leads to", () => {
    const list = readFileSync(join(folder, "index.md"), "utf8")
    assert.isAbove(scripts.length, 3)
    for (const script of scripts) {
      const page = `${basename(script, ".mjs")}.md`
      assert.include(list, `](${page})`)
      assert.include(readFileSync(join(folder, page), "utf8"), `](${script})`)
    }
  })

  it.concurrent.each(scripts)("%s shows each of its variants", { timeout: 60_000 }, async (script) => {
    const { stdout } = await promisify(execFile)(process.execPath, [script, "--quick", "--n", "50"], { cwd: folder })
    const [, listed] = readFileSync(join(folder, script), "utf8").split("  variants: {")
    const variants = [...listed!.matchAll(/^ {4}"([^"]+)": /gm)].map(([, name]) => name!)
    assert.isAbove(variants.length, 2)
    for (const name of variants) assert.match(stdout, new RegExp(`^\\| ${name} \\| \\d`, "m"))
  })
})
