/** The settings of a store: where it is, what is said of it to whom, and what is refused. */
import { Effect, Redacted, Result } from "effect"
import { writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { inspect } from "node:util"
import { describe, expect, it } from "vitest"
import { neededAddress } from "../../../src/program/durable/asking.ts"
import * as Run from "../../../src/program/run/settings.ts"
import * as Serve from "../../../src/program/serve/settings.ts"
import { shownStore, storeAddressOf } from "../../../src/program/settings/storeAddress.ts"
import * as Work from "../../../src/program/work/settings.ts"
import { temporary } from "../fixtures/program.ts"
import { unset } from "../fixtures/runFlags.ts"

const files = temporary()
const handlers = "handlers.ts"
const password = "hunter2-hunter2"
const url = `postgres://jobs:${password}@db.example.org:5433/jobs?sslmode=require`
type Environment = Readonly<Record<string, string>>

const resultOf = <A, E extends { readonly message: string }>(effect: Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.map(Effect.result(effect), (result) => Result.getOrElse(result, ({ message }) => message)))
const served = (flags: Serve.Flags, environment: Environment = {}) =>
  resultOf(Serve.make({ handlers, ...flags }, environment))
const worked = (flags: Serve.Flags, environment: Environment = {}) =>
  resultOf(Work.make({ handlers, ...flags }, environment))

const run = (flags: Partial<Run.Flags>, environment: Environment = {}) =>
  resultOf(Run.make({ ...unset, ...flags }, environment))

describe("an address", () => {
  it.each([
    ["./jobs", "./jobs"],
    ["/var/lib/jobs", "/var/lib/jobs"],
    ["C:\\jobs", "C:\\jobs"]
  ])("%s is a folder", (text, directory) => {
    expect(storeAddressOf(text)).toEqual({ kind: "embedded", directory })
    expect(shownStore(text)).toBe(text)
  })

  it.each([
    "postgres://db/jobs",
    "postgresql://jobs@db:5433/jobs?sslmode=require",
    "postgres:///jobs?host=/run/postgresql",
    url
  ])("%s is a PostgreSQL, of which no password is told", (text) => {
    const address = storeAddressOf(text)
    expect(address).toMatchObject({ kind: "postgres" })
    expect(Redacted.value((address as { readonly url: Redacted.Redacted }).url)).toBe(text)
    expect(shownStore(text)).toBe(text.replace(password, "***"))
    expect(inspect(address, { depth: 9 }) + JSON.stringify(address)).not.toContain(password)
  })

  it.each([
    "",
    "  ",
    "mysql://db/jobs",
    "https://db",
    `postgres://jobs:12#${password}@db/jobs`,
    `postgres://jobs:12/${password}@db/jobs`,
    `postgres://jobs:12?${password}@db/jobs`,
    `postgres://jobs:${password}@db:port/jobs`
  ])("%s is none, and what may be a password in it is not told", async (text) => {
    const says = await served({ store: text })
    expect(says).toContain(
      "Expected --store to be a folder such as ./jobs, a URL such as postgres://user@host/database"
    )
    expect(says).not.toContain(password)
    expect(await run({ store: text })).toBe(says)
    expect(await resultOf(neededAddress(text, {}))).toBe(says)
  })

  it("has its password hidden wherever that stands", () => {
    expect(shownStore(`postgres://db/jobs?user=jobs&password=${password}&sslpassword=${password}`)).not.toContain(
      password
    )
  })
})

describe("the settings of serve", () => {
  it("keep requests in memory unless they name a store", async () => {
    expect(await served({})).toMatchObject({ store: undefined })
    expect(await served({ store: "none", lookAhead: "1s" }, { WORKER_POOL_STORE: url })).toMatchObject({
      store: undefined
    })
  })

  it("name one by flag, environment or file, beside which its folder is", async () => {
    const config = files.path("pool.yaml")
    writeFileSync(config, "store: ./jobs\nnoWorkers: true\nmaxHeld: 7\nkeepOutcomes: 2d\n")
    const folder = { kind: "embedded", directory: join(dirname(config), "jobs") }
    expect(await served({ config })).toMatchObject({
      store: { address: folder, works: false, migrates: true, options: { maxHeld: 7, keepOutcomes: 172_800_000 } }
    })
    expect(await served({ config }, { WORKER_POOL_STORE: url })).toMatchObject({
      store: { address: { kind: "postgres" } }
    })
    expect(await served({ config, store: "here" }, { WORKER_POOL_STORE: url })).toMatchObject({
      store: { address: { kind: "embedded", directory: "here" } }
    })
    expect(await served({ store: "here", noWorkers: "false", noMigrate: "true" })).toMatchObject({
      store: { works: true, migrates: false }
    })
  })

  it("show no password: not those in force, not where they are looked at", async () => {
    for (const [flags, environment] of [
      [{ store: url }, {}],
      [{}, { WORKER_POOL_STORE: url }]
    ] as const) {
      const rows = await Effect.runPromise(Serve.table(flags, environment))
      expect(rows.find(({ name }) => name === "store")).toMatchObject({ value: url.replace(password, "***") })
      const found = await served(flags, environment)
      for (const text of [JSON.stringify(rows), JSON.stringify(found), inspect(found, { depth: 9 })]) {
        expect(text).not.toContain(password)
      }
    }
  })

  it.each<[Serve.Flags, string]>([
    [{ noWorkers: "true" }, "--no-workers to come with --store, which it is about"],
    [{ store: "here", noWorkers: "true", record: "f" }, "--record to come without --no-workers"],
    [{ store: "here", noWorkers: "true", advice: "true" }, "--advice to come without --no-workers"],
    [{ lookAhead: "1s" }, "--look-ahead to come with --store, which it is about"],
    [{ store: "here", deliveries: "0" }, '--deliveries to be a whole number from 1 to 100, got "0"'],
    [{ store: "here", maxHeld: "0" }, '--max-held to be a whole number, at least 1, got "0"'],
    [{ store: "here", lookAhead: "soon" }, "--look-ahead to be a duration from 0 to 1d"],
    [{ store: "here", keepOutcomes: "1s" }, "--keep-outcomes to be a duration of at least a minute"],
    [{ store: "here", noMigrate: "maybe" }, '--no-migrate to be true or false, got "maybe"']
  ])("refuse %j", async (flags, says) => {
    expect(await served(flags)).toContain(`Expected ${says}`)
  })
})

describe("the settings of work", () => {
  it("are those of serve, as far as they are about working, with a port of its own", async () => {
    expect(await worked({ store: "here", threads: "3" })).toMatchObject({
      host: "127.0.0.1",
      port: 8081,
      pool: { name: "work", maxWorkers: 3 },
      threads: { max: 3 },
      store: { address: { kind: "embedded" }, works: true }
    })
    for (const name of ["port", "store", "handlers", "threads", "limits", "tokenFile", "logFormat"]) {
      expect(Work.workNames).toContain(name)
    }
    for (const name of ["noWorkers", "maxBody", "keepEnds", "strategy", "tokensFile"]) {
      expect(Work.workNames).not.toContain(name)
    }
  })

  it("take the file of serve, and leave be what it says of taking requests", async () => {
    const config = files.path("both.yaml")
    writeFileSync(config, "store: ./jobs\nhandlers: ./handlers.ts\nkeepEnds: 5\nkeyFrom: header:X-Tenant\nport: 9000\n")
    expect(await worked({ config, port: "9001" })).toMatchObject({ port: 9001, store: { works: true } })
  })

  it("need a store, and handlers, and for others to see the metrics a token", async () => {
    expect(await worked({})).toContain("Expected --store, WORKER_POOL_STORE or `store` in the file of --config")
    expect(await resultOf(Work.make({ store: "here" }, {}))).toContain("Expected --handlers, WORKER_POOL_HANDLERS")
    expect(await worked({ store: "here", host: "0.0.0.0" })).toContain("set WORKER_POOL_TOKEN or --token-file")
    expect(
      await worked({ store: "here", host: "0.0.0.0" }, { WORKER_POOL_TOKEN: "correct-horse-battery" })
    ).toMatchObject({ host: "0.0.0.0" })
  })
})

describe("the settings of run", () => {
  it("name a store by flag or, where its password belongs, in the environment", async () => {
    expect(await run({})).toMatchObject({ store: undefined })
    expect(await run({ store: "here", maxHeld: "5", job: "monday" })).toMatchObject({
      store: { address: { directory: "here" }, works: true, job: "monday", options: { maxHeld: 5 } },
      outstanding: 10_000
    })
    const found = await run({ noWorkers: true, noMigrate: true }, { WORKER_POOL_STORE: url })
    expect(found).toMatchObject({ store: { address: { kind: "postgres" }, works: false, migrates: false } })
    expect(inspect(found, { depth: 9 })).not.toContain(password)
    expect(await run({ store: "none" }, { WORKER_POOL_STORE: url })).toMatchObject({ store: undefined })
  })

  it.each<[Partial<Run.Flags>, string]>([
    [{ job: "monday" }, "--job to come with --store, which it is about"],
    [{ noWorkers: true }, "--no-workers to come with --store, which it is about"],
    [{ maxHeld: "5" }, "--max-held to come with --store, which it is about"],
    [{ store: "here", job: " " }, '--job to be a name, got " "'],
    [{ store: "here", deliveries: "many" }, '--deliveries to be a whole number from 1 to 100, got "many"']
  ])("refuse %j", async (flags, says) => {
    expect(await run(flags)).toBe(`Expected ${says}`)
  })
})

it("who only looks at a store has one from a flag or the environment, and none from nowhere", async () => {
  expect(await resultOf(neededAddress(undefined, { WORKER_POOL_STORE: "here" }))).toMatchObject({ directory: "here" })
  expect(await resultOf(neededAddress("there", { WORKER_POOL_STORE: "here" }))).toMatchObject({ directory: "there" })
  for (const flag of [undefined, "none"]) {
    expect(await resultOf(neededAddress(flag, {}))).toContain("Expected --store or WORKER_POOL_STORE to name a store")
  }
  expect(await resultOf(neededAddress("here", { WORKER_POOL_STOER: "here" }))).toContain("WORKER_POOL_STOER")
})
