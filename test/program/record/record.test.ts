/** The program with recordings: a run writes one, `record stats` tells of it, and `simulate` replays it. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { start, startRun } from "../fixtures/program.ts"
import { post, serve } from "../fixtures/service.ts"
import { headerOf } from "../fixtures/recording.ts"

const folder = mkdtempSync(join(tmpdir(), "worker-pool-record-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => join(folder, name)

const ended = async (program: ReturnType<typeof start>) => ({
  code: await program.code(),
  stdout: program.stdout,
  stderr: program.stderr
})

const header = () => `${headerOf({ minWorkers: 2, maxWorkers: 2, policy: "fixed:2" })}\n`

/** Two workers, 10 requests per second of 100 ms each. */
const steady = (count: number) =>
  Array.from({ length: count }, (_, n) => `[${n * 100_000},"Work","succeeded",[0,100000]]\n`).join("") +
  `{"at":0,"workers":2,"worked":0,"pending":0,"lost":0}\n` +
  `{"at":${count * 100_000},"workers":2,"worked":${2 * count * 100_000},"pending":0,"lost":0,"closed":true}\n`

describe("a recording on the command line", () => {
  it("is written by run, has no payloads and no keys, and is told as a table, as JSON and as a page", async () => {
    const lines = Array.from({ length: 50 }, (_, n) =>
      JSON.stringify({ type: "Echo", data: { message: `secret-${n}` }, key: "acme", id: `id-${n}` })
    )
    writeFileSync(at("requests.jsonl"), `${lines.join("\n")}\n`)
    const run = await ended(startRun(at("requests.jsonl"), "--record", at("run.jsonl")))
    expect(run.stderr + run.stdout).toContain('"succeeded":50')
    expect(run.code).toBe(0)
    const text = readFileSync(at("run.jsonl"), "utf8")
    expect(statSync(at("run.jsonl")).mode & 0o777).toBe(0o600)
    expect(text).not.toMatch(/secret|acme|id-/)
    expect(text).toContain('"closed":true')
    const table = await ended(start("record", "stats", at("run.jsonl"), "--html", at("run.html")))
    expect(table.code).toBe(0)
    expect(table.stdout).toMatch(/^requests +50$/m)
    expect(table.stdout).toMatch(/^keys +1; the busiest had 100 % of the work$/m)
    expect(readFileSync(at("run.html"), "utf8")).toContain("How long attempts of Echo take")
    const json = JSON.parse((await ended(start("record", "stats", at("run.jsonl"), "--json"))).stdout)
    expect(json).toMatchObject({ requests: 50, ends: { succeeded: 50 }, lost: 0, unfinished: 0, keys: 1 })
  }, 30_000)

  it("is written by serve, which advises for the same load, and knows nothing of payloads and keys", async () => {
    const { program, url } = await serve("--record", at("served.jsonl"), "--advice", "--advice-after", "1ms")
    for (let n = 0; n < 7; n++) await post(url, "Echo?key=acme", { message: `secret-${n}` })
    const advice = (await (await fetch(`${url}/pool/advice`)).json()) as { readonly requests: number }
    expect(advice.requests).toBe(193)
    program.child.kill("SIGTERM")
    expect(await program.code()).toBe(143)
    const text = readFileSync(at("served.jsonl"), "utf8")
    expect(text.match(/"Echo","succeeded"/g)).toHaveLength(7)
    expect(text).not.toMatch(/secret|acme/)
    expect(text).toMatch(/"closed":true}\n$/)
  }, 30_000)

  it("is replayed as its pool was, beside what happened; --check says how far they are apart, and fails above its bound", async () => {
    writeFileSync(at("steady.jsonl"), header() + steady(100))
    const same = await ended(start("simulate", "--recording", at("steady.jsonl"), "--check"))
    expect(same.stdout).toMatch(/really +fixed:2\n/)
    expect(same.stdout).toMatch(/^worker-seconds +20 +20$/m)
    expect(same.stdout).toMatch(/fixed:2 is off by 0 % in the mean wait .*, within 10 %\.\n$/)
    expect(same.code).toBe(0)
    const other = await ended(
      start("simulate", "--recording", at("steady.jsonl"), "--policy", "fixed:4", "--check", "50%", "--json")
    )
    expect(JSON.parse(other.stdout)).toMatchObject({
      really: { workerSeconds: 20 },
      off: { waitMean: 0, workerSeconds: 1 },
      isWithin: false
    })
    expect(other.code).toBe(3)
    const [moment, back] = [at("moment.jsonl"), at("back.jsonl")]
    writeFileSync(moment, header() + '[0,"A","succeeded",[0,0]]\n')
    expect((await ended(start("simulate", "--recording", moment))).code).toBe(0)
    writeFileSync(back, header() + steady(2) + header().replace("2026", "2025").replace('"x"', '"y"') + steady(3))
    expect((await ended(start("simulate", "--recording", back))).stderr).toContain("3 requests of")
    const double = await ended(
      start(
        "simulate",
        "--recording",
        at("steady.jsonl"),
        "--scale",
        "2",
        "--to",
        "5s",
        "--service",
        "redrawn",
        "--json"
      )
    )
    expect(JSON.parse(double.stdout).policies[0].arrived).toBeCloseTo(100, -1)
  }, 30_000)

  const table: ReadonlyArray<readonly [args: ReadonlyArray<string>, message: string]> = [
    [["record", "stats", "empty"], "empty: expected a recording, got an empty file"],
    [["record", "stats", "nowhere"], "nowhere: expected a file that can be read, got NotFound"],
    [["record", "stats", "other"], 'other, line 1: expected the header of a recording, got "time,type"'],
    [["simulate", "--recording", "headed"], "headed to have at least one request in this part of it, got"],
    [["simulate", "--recording", "one", "--scale", "0"], 'Expected --scale to be a number above 0, got "0"'],
    [["simulate", "--recording", "one", "--from", "soon"], "Expected --from to be a duration since the start"],
    [["simulate", "--recording", "one", "--arrivals", "poisson:1"], "Expected --arrivals or --recording, got both"],
    [
      ["simulate", "--arrivals", "poisson:1", "--service", "constant:1ms", "--scale", "2"],
      "Expected --scale to come with --recording"
    ],
    [["simulate", "--service", "constant:1ms"], "Expected --arrivals, or --recording, got neither"],
    [["simulate", "--recording", "one", "--check=x"], 'Expected --check to be a percentage such as 10%, got "x"'],
    [["run", "other", "--handlers", "x.ts", "--record-keys", "plain"], "Expected --record-keys to come with --record"]
  ]
  it("that is wrong, and flags that do not fit, are told, and nothing is done", async () => {
    writeFileSync(at("empty"), "")
    writeFileSync(at("other"), "time,type\n")
    writeFileSync(at("headed"), header())
    writeFileSync(at("one"), header() + '[0,"A","succeeded",[0,1000]]\n')
    const found = await Promise.all(
      table.map(async ([args, message]) => {
        const paths = args.map((arg) => (["empty", "other", "headed", "one", "nowhere"].includes(arg) ? at(arg) : arg))
        const { code, stderr } = await ended(start(...paths))
        return [code, stderr.replaceAll(`${folder}/`, "").includes(message) ? message : stderr]
      })
    )
    expect(found).toEqual(table.map(([, message]) => [2, message]))
  }, 60_000)
})
