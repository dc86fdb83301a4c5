/** Options of Node with which a program runs, and what of them its threads are given. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { isolations } from "./observing.ts"

const file = new URL("./modules/program.ts", import.meta.url)
/** The same, where nothing is relative to. */
const text = readFileSync(file, "utf8")
  .replace(/ as "thread" \| "process"|<.*>/g, "")
  .replace("process.argv[2]", "process.argv[1]")
  .replace("import.meta.url", JSON.stringify(file.href))
  .replace(/from "(.*)"/, (_, path: string) => `from ${JSON.stringify(new URL(path, file).href)}`)

const run = async (args: ReadonlyArray<string>): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 })
  return stdout
}

describe.each(isolations)("threads of a program, isolation %s", (isolation) => {
  it.each([
    ["options of V8", ["--expose-gc", "--max-old-space-size=512"]],
    ["a condition, as two words", ["--conditions", "some", "--expose-gc"]],
    ["nothing else", []]
  ])("start for a text of the command line beside %s", { timeout: 60_000 }, async (_, flags) => {
    assert.strictEqual(await run([...flags, "--input-type=module", "--eval", text, isolation]), "42")
  })

  it("start for a file beside options of V8", { timeout: 60_000 }, async () => {
    assert.strictEqual(await run(["--expose-gc", fileURLToPath(file), isolation]), "42")
  })
})
