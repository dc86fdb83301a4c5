/** `worker-pool config` as a shell sees it, with the help of `serve`. */
import { writeFileSync } from "node:fs"
import { describe, it } from "vitest"
import { start, temporary } from "../fixtures/program.ts"

const files = temporary()
const file = files.path("pool.yaml")
writeFileSync(file, "port: 9000\nmaxWorkers: 7\n")

describe.concurrent("config", () => {
  it("prints what is in force, and from where", async ({ expect }) => {
    const program = start("config", "--config", file, "--max-workers", "8")
    expect(await program.code()).toBe(0)
    const lines = program.stdout.split("\n").map((line) => line.split(/ {3,}/))
    expect(lines).toContainEqual(["port", "9000", file])
    expect(lines).toContainEqual(["maxWorkers", "8", "--max-workers"])
    expect(lines).toContainEqual(["host", "127.0.0.1", "default"])
    expect(program.stderr).toBe("")
  })

  it("prints the same as JSON", async ({ expect }) => {
    const program = start("config", "--config", file, "--json")
    expect(await program.code()).toBe(0)
    expect(JSON.parse(program.stdout).settings).toContainEqual({
      name: "maxWorkers",
      flag: "--max-workers",
      env: "WORKER_POOL_MAX_WORKERS",
      value: "7",
      from: "file",
      at: file
    })
  })

  it.for<[ReadonlyArray<string>, string]>([
    [["config", "--host", "0.0.0.0"], "set WORKER_POOL_TOKEN or --token-file"],
    [["config", "--config", file, "--min-workers", "9"], "--min-workers to be at most maxWorkers (7), got 9"],
    [["config", "--token", "correct-horse-battery"], "--token"],
    [["serve"], "--handlers"],
    [["serve", "--handlers", "x.ts", "--port", "x"], "--port to be a whole number"]
  ])("exits with 2 for %j, and says %s on standard error alone", async ([args, says], { expect }) => {
    const program = start(...args)
    expect(await program.code()).toBe(2)
    expect(program.stderr).toContain(says)
    expect(program.stdout).toBe("")
  })

  it("documents the exit codes and each flag in the help of serve", async ({ expect }) => {
    const program = start("serve", "--help")
    expect(await program.code()).toBe(0)
    for (const code of ["1 ", "2 ", "130", "143"]) expect(program.stdout).toMatch(new RegExp(`^  ${code}`, "m"))
    for (const flag of ["--config", "--keep-ends", "--token-file"]) expect(program.stdout).toContain(flag)
    expect(program.stdout).not.toContain("--token ")
  })
})
