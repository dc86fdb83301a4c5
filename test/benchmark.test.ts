/** The benchmark as a command: what it writes, and what it says to mistakes. Its figures are nobody's business here. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Results } from "../scripts/bench/results.ts"

const root = join(import.meta.dirname, "..")
const bench = (...args: ReadonlyArray<string>) =>
  promisify(execFile)(process.execPath, ["scripts/bench/main.ts", ...args], { cwd: root, timeout: 60_000 })

describe("npm run bench", () => {
  it(
    "measures each implementation and its family, or says what it lacks, and writes what the report reads",
    { timeout: 60_000 },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "bench-"))
      try {
        const file = join(folder, "run.json")
        const { stdout } = await bench("--quick", "--only", "W1,W4", "--impl", "p-limit", "--json", file)
        assert.include(stdout, "W1: no-op")
        assert.include(stdout, "p-limit: no retries")
        const { results, versions } = JSON.parse(readFileSync(file, "utf8")) as Results
        assert.deepStrictEqual(
          results.map((result) => [result.case, result.impl, "rate" in result ? result.n : result.lacks]),
          [
            ["W1", "effect-worker-pool", 10_000],
            ["W1", "p-limit", 10_000],
            ["W4", "effect-worker-pool", 10_000],
            ["W4", "p-limit-stacked", 10_000],
            ["W4", "p-limit", "no retries"]
          ]
        )
        assert.strictEqual(versions["node"], process.version)
      } finally {
        rmSync(folder, { recursive: true })
      }
    }
  )

  it(
    "measures what is compared with another case in turns with that, which comes along",
    { timeout: 60_000 },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "bench-"))
      try {
        const file = join(folder, "run.json")
        const { stdout } = await bench("--quick", "--only", "Q1-key,Q2", "--impl", "p-limit", "--json", file)
        assert.include(stdout, "Q1-fifo is")
        const { cases, results } = JSON.parse(readFileSync(file, "utf8")) as Results
        assert.deepStrictEqual(Object.keys(cases), ["Q1-fifo", "Q1-key", "Q2-0", "Q2-1000000"])
        assert.deepStrictEqual(
          results.flatMap((result) =>
            "rate" in result
              ? [[result.case, result.beside, result.ratio !== undefined, "moreMicros" in result.figures]]
              : []
          ),
          [
            ["Q1-fifo", undefined, false, false],
            ["Q1-key", "Q1-fifo", true, true],
            ["Q2-0", undefined, false, false],
            ["Q2-1000000", "Q2-0", true, true]
          ]
        )
      } finally {
        rmSync(folder, { recursive: true })
      }
    }
  )

  it("loads for each implementation that alone", { timeout: 60_000 }, async () => {
    const report = `import { registerHooks } from "node:module"
      const packages = new Set()
      registerHooks({
        load: (url, context, next) => {
          const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1]
          if (name !== undefined) packages.add(name)
          return next(url, context)
        }
      })
      process.on("exit", () => console.error(JSON.stringify([...packages])))`
    const loaded = async (impl: string, name: string) => {
      const args = [
        "--import",
        `data:text/javascript,${encodeURIComponent(report)}`,
        "scripts/bench/run.ts",
        impl,
        name
      ]
      const { stderr } = await promisify(execFile)(process.execPath, [...args, "quick"], { cwd: root, timeout: 60_000 })
      return (JSON.parse(stderr) as Array<string>).sort()
    }
    assert.deepStrictEqual(await loaded("p-limit", "W1"), ["p-limit", "yocto-queue"])
    assert.deepStrictEqual(await loaded("fastq-promise", "W1a"), ["fastq", "reusify"])
    assert.deepStrictEqual(await loaded("p-queue", "W3"), ["p-queue"])
    assert.deepStrictEqual(await loaded("p-queue-stacked", "W3"), ["p-queue", "p-timeout"])
  })

  it("refuses a case that it does not know, and names those that it does", async () => {
    const { code, stderr } = (await bench("--only", "W77").catch((error: unknown) => error)) as {
      readonly code: number
      readonly stderr: string
    }
    assert.strictEqual(code, 1)
    assert.include(stderr, "--only: expected some of W1, W1p")
    assert.include(stderr, 'got "W77"')
  })
})
