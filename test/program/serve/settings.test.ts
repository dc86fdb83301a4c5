/** The settings of the service: where they come from, which source wins, and what is refused. */
import { Effect, Redacted, Result } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { dirname, join } from "node:path"
import { inspect } from "node:util"
import { describe, expect, it } from "vitest"
import { PoolConfig } from "../../../src/index.ts"
import { type Flags, make, table } from "../../../src/program/serve/settings.ts"
import { flagOf, has, names, settingOf, variableOf } from "../../../src/program/settings/table.ts"
import { storeNames } from "../../../src/program/settings/store.ts"
import { durationForms } from "../../../src/program/settings/quantities.ts"
import { temporary } from "../fixtures/program.ts"

const files = temporary()
type Environment = Readonly<Record<string, string>>
const handlers = "handlers.ts"
const token = "correct-horse-battery"

const settings = (flags: Flags, environment: Environment = {}) =>
  Effect.runPromise(make({ handlers, ...flags }, environment))
const refusal = async (flags: Flags, environment: Environment = {}) => {
  const result = await Effect.runPromise(Effect.result(make({ handlers, ...flags }, environment)))
  return Result.isFailure(result) ? result.failure.message : "taken"
}
const rowOf = async (name: string, flags: Flags, environment: Environment = {}) => {
  const rows = await Effect.runPromise(table(flags, environment))
  return rows.find((row) => row.name === name)
}
const write = (name: string, text: string) => {
  const path = files.path(name)
  writeFileSync(path, text)
  return path
}

it("has the pool's own defaults, but for the name and the strategy", async () => {
  const { config, ...others } = await settings({})
  const defaults = Result.getOrThrow(PoolConfig.make({ name: "serve", strategy: "dropping" }))
  expect(config).toEqual(defaults)
  expect(others).toMatchObject({
    handlers,
    host: "127.0.0.1",
    port: 8080,
    policy: { text: "adaptive" },
    token: undefined,
    maxBodyBytes: 1_048_576,
    maxConnections: 1024,
    requestTimeoutMillis: 30_000,
    headersTimeoutMillis: 10_000,
    maxWaitMillis: 60_000,
    keepEnds: 10_000,
    keepForMillis: 600_000,
    logFormat: "auto"
  })
})

const share = "each process has its share"

describe("sources", () => {
  const formats = [
    ["a.json", '{"port": 1, "timeout": "2s", "policy": "fixed:3"}'],
    ["a.yaml", "# ours\nport: 1\ntimeout: 2s\npolicy: fixed:3\n"],
    ["a.yml", "{port: 1, timeout: 2s, policy: 'fixed:3'}"],
    ["a.toml", 'port = 1\ntimeout = "2s"\npolicy = "fixed:3"']
  ] as const

  it.each(formats)("reads the file %s", async (name, text) => {
    const config = write(name, text)
    const expected = { port: 1, config: { policy: { timeoutMillis: 2000 } }, policy: { fixed: 3 } }
    expect(await settings({ config })).toMatchObject(expected)
    expect(await settings({}, { WORKER_POOL_CONFIG: config })).toMatchObject(expected)
  })

  it("takes the flag, else the environment, else the file, else the default", async () => {
    const config = write("a.json", '{"port": 3}')
    const environment = { WORKER_POOL_PORT: "2" }
    const all = [
      [{ port: "1", config }, environment, { value: "1", from: "flag", at: "--port" }],
      [{ config }, environment, { value: "2", from: "environment", at: "WORKER_POOL_PORT" }],
      [{ config }, {}, { value: "3", from: "file", at: config }],
      [{}, {}, { value: "8080", from: "default", at: "default" }]
    ] as const
    for (const [flags, environment, row] of all) {
      expect(await rowOf("port", flags, environment)).toMatchObject(row)
      expect((await settings(flags, environment)).port).toBe(Number(row.value))
    }
  })

  it("takes every setting from each of its sources", async () => {
    const samples: Record<string, string> = {
      host: "::1",
      policy: "gradient",
      strategy: "sliding",
      logFormat: "json",
      limits: "name=a,concurrency=1;name=b,rate=1/1s",
      priority: "-7",
      order: "lifo",
      retryBudget: "0.5",
      keyFrom: "header:X-Tenant",
      isolate: "process",
      threadMemory: "64MiB",
      store: "/jobs",
      noWorkers: "true",
      noMigrate: "true",
      keepOutcomes: "2d",
      record: "/load.jsonl",
      recordMaxBytes: "64MiB",
      recordKeys: "plain",
      advice: "true",
      adviceTarget: "p99(wait) <= 50ms;refused <= 1%"
    }
    const others: Record<string, object> = {
      minWorkers: { maxWorkers: 99 },
      processes: { maxWorkers: 99 },
      isolate: { threads: true },
      threadMemory: { threads: true },
      sheddingTarget: { strategy: "shedding" },
      sheddingInterval: { strategy: "shedding" },
      recordMaxBytes: { record: "/load.jsonl" },
      recordKeys: { record: "/load.jsonl" },
      adviceTarget: { advice: "true" },
      adviceAfter: { advice: "true" },
      ...Object.fromEntries(storeNames.map((name) => [name, { store: "/jobs" }]))
    }
    const sampleOf = (name: string) => samples[name] ?? (settingOf(name as never).kind.metavar === "N" ? "70" : "7000")
    for (const name of names.filter(
      (name) => !["config", "token", "tokenFile", "tokensFile", "headersTimeout"].includes(name)
    )) {
      const value = sampleOf(name)
      const config = write("one.json", JSON.stringify({ [name]: value, ...others[name] }))
      const needed = name in others ? { config: write("other.json", JSON.stringify(others[name])) } : {}
      expect(await rowOf(name, { [name]: value, ...needed }), name).toMatchObject({ value, at: flagOf(name) })
      expect(await rowOf(name, needed, { [variableOf(name)]: value }), name).toMatchObject({
        value,
        at: variableOf(name)
      })
      expect(await rowOf(name, { config }), name).toMatchObject({ value, at: config })
    }
  })

  it("finds paths of a file beside that file", async () => {
    const config = write("a.yaml", "handlers: ./lib/handlers.ts\ntokenFile: the-token\n")
    writeFileSync(join(files.folder, "the-token"), `${token}\n`)
    const found = await Effect.runPromise(make({ config }, {}))
    expect(found.handlers).toBe(join(dirname(config), "lib/handlers.ts"))
    expect(Redacted.value(found.token!)).toBe(token)
  })

  it.each([
    ["a.json", '{"limits": [{"name": "mailer", "per": "tag", "concurrency": 4}, "name=all,rate=10/1s,burst=5"]}'],
    ["a.yaml", "limits:\n  - name: mailer\n    per: tag\n    concurrency: 4\n  - name=all,rate=10/1s,burst=5\n"],
    ["a.toml", 'limits = "name=mailer,per=tag,concurrency=4;name=all,rate=10/1s,burst=5"']
  ])("reads the limits of %s", async (name, text) => {
    const config = write(name, text)
    const { limits } = (await settings({ config })).config.discipline
    expect(limits).toMatchObject([
      { name: "mailer", per: "tag", concurrency: 4, rate: undefined },
      { name: "all", per: "pool", concurrency: Infinity, rate: { limit: 10, periodMillis: 1000, burst: 5 } }
    ])
    expect(await settings({ limits: "name=all,rate=10/1s" }, {})).toMatchObject({
      config: { discipline: { isSet: true, limits: [{ name: "all" }] } }
    })
  })

  it("reads the targets of advice as a text and as a list", async () => {
    const targets = ["p99(wait) <= 1s", "refused <= 0.1%"]
    for (const [name, text] of [
      ["a.json", JSON.stringify({ advice: true, adviceTarget: targets })],
      ["a.yaml", `advice: true\nadviceTarget: "${targets.join("; ")}"\n`]
    ] as const) {
      expect((await settings({ config: write(name, text) })).advice).toMatchObject({ targets, afterMillis: 300_000 })
    }
    expect((await settings({})).advice).toBeUndefined()
  })

  it("takes an empty file", async () => {
    for (const name of ["a.yaml", "a.toml"]) expect((await settings({ config: write(name, "\n") })).port).toBe(8080)
  })
})

describe("refuses", () => {
  const port = 'to be a whole number from 0 to 65535, got "x"'
  it.each<[Flags, Environment, string]>([
    [{ port: "x" }, {}, `--port ${port}`],
    [{}, { WORKER_POOL_PORT: "x" }, `WORKER_POOL_PORT ${port}`],
    [{ port: "65536" }, {}, '--port to be a whole number from 0 to 65535, got "65536"'],
    [{ adviceTarget: "p99(wait) <= 1s" }, {}, "--advice-target to come with --advice, which it is about"],
    [{}, { WORKER_POOL_ADVICE_AFTER: "1m" }, "WORKER_POOL_ADVICE_AFTER to come with --advice, which it is about"],
    [
      { advice: "true", adviceTarget: "p99(wait) <= 1s;p99 <= 1s" },
      {},
      '--advice-target to be targets such as "p99(wait) <= 200ms" or "refused <= 0.1%", with semicolons between, got "p99(wait) <= 1s;p99 <= 1s"'
    ],
    [{ host: "http://a" }, {}, '--host to be an IP address or the name of a host, got "http://a"'],
    [
      { maxBody: "1MB" },
      {},
      '--max-body to be a number of bytes such as 65536, 64KiB or 1MiB, from 1 to 256MiB, got "1MB"'
    ],
    [
      { requestTimeout: "0" },
      {},
      `--request-timeout to be a duration above zero and up to 1d (${durationForms}), got "0"`
    ],
    [{ maxWait: "2d" }, {}, `--max-wait to be a duration from 0 to 1d (${durationForms}), got "2d"`],
    [
      { requestTimeout: "5s", headersTimeout: "6s" },
      {},
      '--headers-timeout to be at most --request-timeout (5s), got "6s"'
    ],
    [{ logFormat: "xml" }, {}, '--log-format to be one of auto, pretty, json, got "xml"'],
    [{ retries: "-1" }, {}, '--retries to be a whole number, at least 0, got "-1"'],
    [{ sheddingTarget: "50ms" }, {}, '--strategy to be "shedding" where `shedding` is set, got "dropping"'],
    [
      { strategy: "shedding" },
      { WORKER_POOL_SHEDDING_INTERVAL: "0" },
      `WORKER_POOL_SHEDDING_INTERVAL to be a finite duration above zero (${durationForms}), got 0`
    ],
    [{ name: "" }, {}, '--name to be a text that is not empty, got ""'],
    // By the pool's own rules, said of the source.
    [{ timeout: "soon" }, {}, `--timeout to be a finite duration above zero (${durationForms}), got "soon"`],
    [
      {},
      { WORKER_POOL_TIMEOUT: "" },
      `WORKER_POOL_TIMEOUT to be a finite duration above zero (${durationForms}), got ""`
    ],
    [
      { maxWorkers: "2" },
      { WORKER_POOL_MIN_WORKERS: "3" },
      "WORKER_POOL_MIN_WORKERS to be at most maxWorkers (2), got 3"
    ],
    [{ priority: "11" }, {}, '--priority to be a whole number from -10 to 10, got "11"'],
    [{ aging: "0" }, {}, `--aging to be a finite duration above zero (${durationForms}), got 0`],
    [{ keyCapacity: "all" }, {}, '--key-capacity to be a whole number, at least 1, got "all"'],
    [{ order: "up" }, {}, '--order to be one of fifo, lifo, got "up"'],
    [
      { limits: "name=a,concurrency=0" },
      {},
      "`limits.a.concurrency` of --limit to be a whole number, at least 1, got 0"
    ],
    [
      {},
      { WORKER_POOL_LIMITS: "name=a,concurrency=1;name=a,concurrency=2" },
      '`limits.name` of WORKER_POOL_LIMITS to be another one for each limit, got "a"'
    ],
    [{ capacity: "0" }, {}, "--capacity to be a whole number, at least 1, got 0"],
    [
      { maxWorkers: "2" },
      { WORKER_POOL_POLICY: "fixed:3" },
      "WORKER_POOL_POLICY fixed:3 to be at most --max-workers (2), got 3"
    ],
    [
      { policy: "fixed:3" },
      { WORKER_POOL_MIN_WORKERS: "4" },
      "--policy fixed:3 to be at least WORKER_POOL_MIN_WORKERS (4), got 3"
    ],
    [{ processes: "0" }, {}, '--processes to be a whole number from 1 to 256, or "auto", got "0"'],
    [{ processes: "2", maxWorkers: "1" }, {}, `--max-workers to be at least --processes (2), ${share}, got 1`],
    [
      { processes: "3" },
      { WORKER_POOL_CAPACITY: "2" },
      `WORKER_POOL_CAPACITY to be at least --processes (3), ${share}, got 2`
    ],
    [
      { policy: "fixed:1" },
      { WORKER_POOL_PROCESSES: "2" },
      `--policy to be at least WORKER_POOL_PROCESSES (2), ${share}, got 1`
    ],
    [
      { processes: "2", threads: "1", maxWorkers: "2" },
      {},
      `--threads to be at least --processes (2), ${share}, got 1`
    ],
    [
      { processes: "2", limits: "name=mailer,concurrency=1" },
      {},
      `\`limits.mailer.concurrency\` of --limit to be at least --processes (2), ${share}, got 1`
    ],
    [
      { processes: "2", limits: "name=mailer,rate=10/1s,burst=1" },
      {},
      `\`limits.mailer.rate.burst\` of --limit to be at least --processes (2), ${share}, got 1`
    ],
    [
      { processes: "2", store: "/jobs" },
      {},
      "no --store with --processes: services on one store answer for each other; start several, each on a port of its own"
    ],
    [{ processes: "2", record: "/a.jsonl" }, {}, "no --record with --processes: each process would write the file"],
    [{ processes: "2", advice: "true" }, {}, "no --advice with --processes: each process knows its own load alone"],
    [
      { config: "/nowhere/a.ini" },
      {},
      '--config to be a file that ends in .json, .yaml, .yml, .toml, got "/nowhere/a.ini"'
    ]
  ])("%j %j", async (flags, environment, says) => {
    expect(await refusal(flags, environment)).toBe(`Expected ${says}`)
  })

  it.each<[string, string, (path: string) => string]>([
    ["a.json", '{"port": "x"}', (path) => `\`port\` in ${path} ${port}`],
    ["a.json", '{"port": [1]}', (path) => `\`port\` in ${path} to be a text or a number, got [1]`],
    ["a.yaml", "port:\n", (path) => `\`port\` in ${path} to be a text or a number, got null`],
    ["a.json", '{"policy": "hope"}', (path) => `\`policy\` in ${path} to be adaptive, gradient`],
    [
      "a.toml",
      "timeout = 0",
      (path) => `\`timeout\` in ${path} to be a finite duration above zero (${durationForms}), got 0`
    ],
    [
      "a.json",
      '{"limits": [{"name": "a", "rate": {"limit": 1, "period": "soon"}}]}',
      (path) => `\`limits.a.rate.period\` of \`limits\` in ${path} to be a finite duration above zero`
    ],
    ["a.json", '{"limits": {"name": "a"}}', (path) => `\`limits\` in ${path} to be a list, a text or a number, got {`],
    ["a.json", '{"limits": [1]}', (path) => `\`limits\` in ${path} to be a record such as`],
    ["a.json", "[1]", (path) => `${path} to be an object of settings, got [1]`],
    [
      "a.yaml",
      "prot: 1\nmin-workers: 2\n",
      (path) => `${path} to have no unknown keys, got \`prot\`, \`min-workers\`; it takes handlers, `
    ],
    ["a.json", '{"config": "b.json"}', (path) => `${path} to have no unknown keys, got \`config\``],
    ["a.json", '{"port": 1', (path) => `--config to be a file that can be parsed; ${path}: `],
    ["a.yaml", "a: [1", (path) => `--config to be a file that can be parsed; ${path}: `],
    ["a.toml", "a = ", (path) => `--config to be a file that can be parsed; ${path}: Expected a value`]
  ])("the file %s with %s", async (name, text, says) => {
    const config = write(name, text)
    expect(await refusal({ config })).toContain(`Expected ${says(config)}`)
  })

  it("a file that is not there", async () => {
    expect(await refusal({ config: files.path("none.json") })).toContain("--config to be a file that can be read")
    expect(await refusal({ tokenFile: files.path("none") })).toContain("--token-file to be a file that can be read")
  })

  it("serving without handlers, but not showing the settings", async () => {
    const result = await Effect.runPromise(Effect.result(make({}, {})))
    expect(Result.isFailure(result) && result.failure.message).toContain(
      "--handlers, WORKER_POOL_HANDLERS or `handlers`"
    )
    expect(await rowOf("handlers", {})).toMatchObject({ value: "(not set)", from: "default" })
  })
})

describe("the token", () => {
  const environment = { WORKER_POOL_TOKEN: token }

  it("comes from the environment, or from a file without the space around it", async () => {
    expect(Redacted.value((await settings({}, environment)).token!)).toBe(token)
    const tokenFile = write("token", `\n  ${token}\r\n`)
    expect(Redacted.value((await settings({ tokenFile })).token!)).toBe(token)
    expect(Redacted.value((await settings({}, { WORKER_POOL_TOKEN_FILE: tokenFile })).token!)).toBe(token)
  })

  it("is shown nowhere", async () => {
    const found = await settings({}, environment)
    const rows = await Effect.runPromise(table({}, environment))
    for (const text of [inspect(found, { depth: 9 }), JSON.stringify(found), JSON.stringify(rows)]) {
      expect(text).not.toContain(token)
    }
    expect(await rowOf("token", {}, environment)).toMatchObject({ flag: null, value: "(set)", at: "WORKER_POOL_TOKEN" })
    expect(await rowOf("token", {})).toMatchObject({ value: "(not set)" })
  })

  it.each(["short", "fifteen-letters", "has spaces in its middle", `${token}é`])("is not %j", async (bad) => {
    const what = "at least 16 visible ASCII characters, without spaces"
    const tokenFile = write("token", bad)
    for (const says of [await refusal({}, { WORKER_POOL_TOKEN: bad }), await refusal({ tokenFile })]) {
      expect(says).toContain(what)
      expect(says).not.toContain(bad)
    }
  })

  it("is not given twice, nor in the file", async () => {
    const tokenFile = write("token", token)
    expect(await refusal({ tokenFile }, environment)).toBe(
      "Expected only one of WORKER_POOL_TOKEN and --token-file, got both"
    )
    const says = await refusal({ config: write("a.json", JSON.stringify({ token })) })
    expect(says).toContain("WORKER_POOL_TOKEN, or `tokenFile`")
    expect(says).not.toContain(token)
    expect(has("token", "flag") || has("token", "file")).toBe(false)
  })

  it.each(["0.0.0.0", "::", "192.168.1.2", "example.org", "127.0.0.1.example.org", "128.0.0.1"])(
    "is needed to listen on %s",
    async (host) => {
      expect(await refusal({ host })).toMatch(
        /^Expected --host to be an address that only this machine .* set WORKER_POOL_TOKEN/
      )
      expect((await settings({ host }, environment)).host).toBe(host)
    }
  )

  it.each(["127.0.0.1", "127.8.9.1", "::1", "localhost"])("is not needed to listen on %s", async (host) => {
    expect((await settings({ host })).token).toBeUndefined()
  })
})

describe("the tokens of tenants", () => {
  const tokens = { acme: "acme-acme-acme-acme", beta: "beta-beta-beta-beta" }

  it.each([
    ["tokens.json", JSON.stringify(tokens)],
    ["tokens.yaml", `acme: ${tokens.acme}\nbeta: ${tokens.beta}\n`],
    ["tokens.toml", `acme = "${tokens.acme}"\nbeta = "${tokens.beta}"\n`]
  ])("come from %s, are shown nowhere, and say whose requests are", async (name, text) => {
    const tokensFile = write(name, text)
    const found = await settings({ tokensFile, host: "0.0.0.0" })
    expect([...found.tokens].map(([name, token]) => [name, Redacted.value(token)])).toEqual(Object.entries(tokens))
    expect(found.keyFrom).toBe("token")
    expect(await rowOf("keyFrom", { tokensFile })).toMatchObject({ value: "token", from: "default" })
    expect(await rowOf("keyFrom", {})).toMatchObject({ value: "query", from: "default" })
    const rows = await Effect.runPromise(table({ tokensFile }, {}))
    for (const text of [inspect(found, { depth: 9 }), JSON.stringify(found), JSON.stringify(rows)]) {
      for (const token of Object.values(tokens)) expect(text).not.toContain(token)
    }
  })

  it.each([
    ["a.json", "[1]", "a file that holds an object with a token for each tenant, got a list"],
    ["a.json", "{}", "a file with the token of at least one tenant, got none"],
    ["a.json", '{"": "acme-acme-acme-acme"}', "a file with names of 1 to 256 characters"],
    ["a.json", '{"acme": "acme-acme"}', "at least 16 visible ASCII characters, without spaces, got 9 characters"],
    ["a.json", '{"acme": 1234567890123456}', "without spaces, got a number"],
    ["a.json", '{"a": "acme-acme-acme-acme", "b": "acme-acme-acme-acme"}', "another one than that of anybody else"],
    ["a.json", `{"a": "${token}"}`, "another one than that of anybody else"],
    ["a.json", '{"acme": "acme-acme-acme-acme" "b"', "a file that can be parsed"],
    ["a.yaml", "acme: [acme-acme-acme-acme", "a file that can be parsed"],
    ["a.txt", "acme", "a file that ends in .json, .yaml, .yml, .toml"]
  ])("are refused as %s with %s, and not repeated", async (name, text, says) => {
    const refused = await refusal({ tokensFile: write(name, text) }, { WORKER_POOL_TOKEN: token })
    expect(refused).toContain(says)
    for (const secret of ["acme-acme", token]) expect(refused).not.toContain(secret)
  })

  it("go with no other source of keys, and that source not without them", async () => {
    const tokensFile = write("tokens.json", JSON.stringify(tokens))
    for (const keyFrom of ["query", "header:X-Tenant"]) {
      expect(await refusal({ tokensFile, keyFrom })).toBe(
        `Expected --key-from to be "token" with --tokens-file, got "${keyFrom}"`
      )
    }
    expect(await refusal({ keyFrom: "token" })).toBe(
      'Expected --key-from to be "query" or "header:NAME" without --tokens-file, got "token"'
    )
    for (const keyFrom of ["header:", "header:a b", "header:Authorization", "header:Host", "cookie", ""]) {
      expect(await refusal({ keyFrom })).toContain("--key-from to be")
    }
    expect((await settings({ keyFrom: "header:X-Tenant" })).keyFrom).toEqual({ header: "X-Tenant" })
  })
})

it("lets the defaults that follow others follow them", async () => {
  expect((await settings({ policy: "fixed:100" })).config.maxWorkers).toBe(100)
  expect(await rowOf("maxWorkers", { minWorkers: "70" })).toMatchObject({ value: "70", from: "default" })
  expect((await settings({ requestTimeout: "5s" })).headersTimeoutMillis).toBe(5000)
  expect(await rowOf("headersTimeout", { requestTimeout: "5s" })).toMatchObject({ value: "5s", from: "default" })
  expect(await rowOf("headersTimeout", {})).toMatchObject({ value: "10s", from: "default" })
})

describe("threads", () => {
  const cores = availableParallelism()

  it.each<[string, string, number | undefined]>([
    ["a.yaml", "threads: true\n", cores],
    ["a.json", '{"threads": "auto"}', cores],
    ["a.toml", "threads = 3\n", 3],
    ["a.yaml", "threads: false\n", undefined]
  ])("in %s, %j, are %s", async (name, text, max) => {
    const { config, threads } = await settings({ config: write(name, text) })
    expect(threads?.max).toBe(max)
    expect(config.maxWorkers).toBe(max ?? 64)
  })

  it("of a file are overridden by the environment, and that by the flag", async () => {
    const config = write("a.yaml", "threads: 2\nisolate: process\nthreadMemory: 1GiB\n")
    const ofFile = { max: 2, isolation: "process", memory: 1024 ** 3 }
    expect((await settings({ config })).threads).toEqual(ofFile)
    expect((await settings({ config }, { WORKER_POOL_THREADS: "3" })).threads).toEqual({ ...ofFile, max: 3 })
    expect((await settings({ config, threads: "4" }, { WORKER_POOL_THREADS: "3" })).threads).toEqual({
      ...ofFile,
      max: 4
    })
    expect((await settings({ config, threads: "none" })).threads).toBe(undefined)
    expect(await rowOf("maxWorkers", { threads: "4" })).toMatchObject({ value: "4", from: "default" })
    expect(await rowOf("threads", { threads: "auto" })).toMatchObject({ value: "auto", at: "--threads" })
  })

  it("that are no number are refused, and what is about them without them", async () => {
    const config = write("a.yaml", "threads: [1]\n")
    expect(await refusal({ config })).toBe(
      `Expected \`threads\` in ${config} to be true, false, a text or a number, got [1]`
    )
    expect(await refusal({}, { WORKER_POOL_THREADS: "many" })).toBe(
      'Expected WORKER_POOL_THREADS to be a whole number, at least 1, "auto" or "none", got "many"'
    )
    expect(await refusal({}, { WORKER_POOL_ISOLATE: "process" })).toBe(
      "Expected WORKER_POOL_ISOLATE to come with --threads, which it is about"
    )
  })
})

it("is documented: the table in docs/service.md is this one", () => {
  const rows = names.map((name) => {
    const { defaultHelp, description, kind } = settingOf(name)
    const code = (name: string, isThere: boolean) => (isThere ? `\`${name}\`` : "-")
    const cells = [
      code(name, has(name, "file")),
      code(flagOf(name), has(name, "flag")),
      code(variableOf(name), true),
      kind.expected,
      defaultHelp,
      description
    ]
    return `| ${cells.join(" | ")} |`
  })
  const page = readFileSync(new URL("../../../docs/service.md", import.meta.url), "utf8")
  const [, documented] = /<!-- settings -->\n(.*?)\n<!-- \/settings -->/s.exec(page) ?? []
  const head = ["| key | flag | environment | range | default | what |", "| --- | --- | --- | --- | --- | --- |"]
  expect(documented).toBe([...head, ...rows].join("\n"))
})

it("reads the limits of docs/service.md, which say there that a text is the same", async () => {
  const page = readFileSync(new URL("../../../docs/service.md", import.meta.url), "utf8")
  const [, file] = /^```yaml\n(limits:\n.*?)^```$/ms.exec(page)!
  const [, text] = /^As a text the first is `([^`]+)`/m.exec(page)!
  const limitsOf = async (flags: Flags) => (await settings(flags)).config.discipline.limits
  const [mailer, all, ...others] = await limitsOf({ config: write("limits.yaml", file!) })
  expect([mailer]).toEqual(await limitsOf({ limits: text! }))
  expect([all!.name, others]).toEqual(["all", []])
})

describe("the variables of the environment", () => {
  it.each([
    { WORKER_POOL_URL: "http://127.0.0.1:8080", WORKER_POOL_ID_PREFIX: "a-" },
    // A Service of Kubernetes that is called `worker-pool-metrics`.
    {
      WORKER_POOL_METRICS_PORT: "tcp://10.0.0.1:80",
      WORKER_POOL_METRICS_SERVICE_HOST: "10.0.0.1",
      WORKER_POOL_METRICS_SERVICE_PORT: "80",
      WORKER_POOL_METRICS_SERVICE_PORT_HTTP: "80",
      WORKER_POOL_METRICS_PORT_80_TCP: "tcp://10.0.0.1:80",
      WORKER_POOL_METRICS_PORT_80_TCP_ADDR: "10.0.0.1"
    },
    { WORKERPOOL_X: "1", OTHER: "1" }
  ])("%j are let be", async (environment) => {
    expect(await refusal({}, environment)).toBe("taken")
  })

  it.each(["WORKER_POOL_MAXWORKERS", "WORKER_POOL_", "WORKER_POOL_METRICS_PORT"])("%s is refused", async (name) => {
    expect(await refusal({}, { [name]: "3" })).toContain(`no unknown WORKER_POOL_ variables, got ${name}`)
  })
})
