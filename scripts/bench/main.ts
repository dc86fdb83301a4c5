/**
 * Measures this pool beside others on the same work. `npm run bench -- --help` says how; `docs/benchmarks.md` has the
 * figures of one run.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { cpus, release, tmpdir, totalmem } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { type Case, cases, compared, isOf, isQuick, quickly, roundsOf } from "./cases.ts"
import { coldSubjects } from "./cold/subjects.ts"
import { compileRun } from "./compiled.ts"
import { durableSubjects } from "./durable/subjects.ts"
import { implementations } from "./implementations/index.ts"
import { type Implementation, type Measurement, notMeasured } from "./load.ts"
import {
  compare,
  type Lacking,
  ours,
  oursByPromise,
  oursOnStore,
  oursOnThreads,
  type Result,
  type Results,
  summarize
} from "./results.ts"
import { inFreshProcess } from "./rounds.ts"
import { printCase } from "./tables.ts"
import { threadSubjects } from "./threads/subjects.ts"

const described: Readonly<Record<string, Implementation>> = Object.fromEntries(
  await Promise.all(Object.entries(implementations).map(async ([impl, load]) => [impl, await load()] as const))
)

/** They have cases of their own. Some of those that start cold are measured in others, too, as what they are there. */
const subjects: Readonly<Record<string, { readonly how: string }>> = {
  ...coldSubjects,
  ...threadSubjects,
  ...durableSubjects
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    impl: { type: "string" },
    by: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", default: false }
  }
})

const help = `npm run bench -- [options]
  --only W1,W6       these cases, or families of cases (W9): ${Object.keys(cases).join(" ")}
  --impl a,b         these implementations beside this pool: ${[...Object.keys({ ...implementations, ...subjects }), "go"].join(" ")}
  --by a             the ratios are to this implementation (default: ${ours})
  --rounds N         times that everything is measured, in turns (default 5 for ${compared.join(" ")}, 3 for the others; 1 with --quick)
  --quick            a little of all in some minutes: enough to see that it runs, not to compare
  --json FILE        writes the results for npm run bench:report`

const chosen = (given: string | undefined, all: ReadonlyArray<string>, what: string): ReadonlyArray<string> => {
  if (given === undefined) return all
  const wanted = given.split(",")
  for (const name of wanted) {
    if (!all.some((known) => isOf([name], known))) {
      throw new Error(`${what}: expected some of ${all.join(", ")}, got "${name}"`)
    }
  }
  return all.filter((known) => isOf(wanted, known))
}

/** Builds the Go pool where there is a compiler, on the spot: only the source is kept. */
const buildGo = (folder: string): string | undefined => {
  const binary = join(folder, "articlepool")
  const cwd = join(import.meta.dirname, "go")
  const { status } = spawnSync("go", ["build", "-o", binary, "."], { cwd, stdio: ["ignore", "ignore", "inherit"] })
  return status === 0 ? binary : undefined
}

const lacks = (name: string, impl: string): string | undefined => {
  const { kind, load, only, through } = cases[name]!
  if (only === undefined ? !(impl in implementations || impl === "go") : !only.includes(impl)) return notMeasured
  if (impl === "go" || kind === "threads" || kind === "durable" || kind === "cold") return undefined
  const by = described[impl]!
  const lacks = by.lacks(load)
  if (lacks === notMeasured) return lacks
  if (through === "stream" && by.openStream === undefined) return "no streams"
  if (through === "tickets" && by.openTickets === undefined) return "no tickets"
  return lacks
}

/** Cases that are measured in turns: those that are compared with one, behind it. */
const groupsOf = (names: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const groups = new Map<string, Array<string>>()
  for (const name of names) {
    const first = cases[name]!.beside ?? name
    const group = groups.get(first) ?? [first]
    if (name !== first) group.push(name)
    groups.set(first, group)
  }
  return [...groups.values()]
}

/** What has processes or threads of its own finds them beside its source. */
const scriptOf = ({ kind }: Case, compiled: string): string =>
  kind === "threads" || kind === "durable" || kind === "cold" ? join(import.meta.dirname, "run.ts") : compiled

interface Programs {
  /** `run.ts` as JavaScript. */
  readonly compiled: string
  readonly go: string | undefined
}

const run = (name: string, impl: string, { compiled, go }: Programs): Promise<Record<string, unknown>> => {
  const size: Case = values.quick ? quickly(cases[name]!) : cases[name]!
  return impl === "go"
    ? inFreshProcess(go!, [JSON.stringify({ case: size })])
    : inFreshProcess(process.execPath, [
        "--expose-gc",
        scriptOf(size, compiled),
        impl,
        name,
        ...(values.quick ? ["quick"] : [])
      ])
}

const packages = [
  "effect",
  "p-queue",
  "p-limit",
  "fastq",
  "async",
  "p-retry",
  "p-timeout",
  "prom-client",
  "piscina",
  "pg-boss",
  "bullmq"
]

const versions = (): Record<string, string> => {
  const ofPackage = (name: string) =>
    (JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")) as { readonly version: string }).version
  return {
    node: process.version,
    ...Object.fromEntries(packages.map((name) => [name, ofPackage(name)]))
  }
}

const main = async (): Promise<void> => {
  if (values.help) return console.log(help)
  const folder = mkdtempSync(join(tmpdir(), "bench-"))
  const go = buildGo(folder)
  const known = [...Object.keys({ ...implementations, ...subjects }), ...(go === undefined ? [] : ["go"])]
  const by = values.by ?? ours
  if (!known.includes(by)) throw new Error(`--by: expected one of ${known.join(", ")}, got "${by}"`)
  const impls = [...new Set([ours, by, ...chosen(values.impl, known, "--impl")])]
  const all = chosen(values.only, Object.keys(cases), "--only")
  const names = values.quick ? all.filter(isQuick) : all
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1)) {
    throw new Error(`--rounds: expected 1 or more, got "${values.rounds}"`)
  }
  const used = versions()
  const compiled = await compileRun()
  const results: Array<Result | Lacking> = []
  try {
    for (const group of groupsOf(names)) {
      const lacking: Array<Lacking> = []
      const runs = new Map(group.map((name) => [name, new Map<string, Array<Measurement>>()]))
      const times = roundsOf(group[0]!, rounds ?? (values.quick ? 1 : undefined))
      for (let round = 0; round < times; round++) {
        for (const name of group) {
          for (const impl of impls) {
            const missing = lacks(name, impl)
            if (missing !== undefined) {
              if (round === 0 && missing !== notMeasured) lacking.push({ case: name, impl, lacks: missing })
              continue
            }
            if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${name} round ${round + 1} of ${times}: ${impl}`)
            const measured = await run(name, impl, { compiled, go })
            if (typeof measured["lacks"] === "string") {
              if (round === 0) lacking.push({ case: name, impl, lacks: measured["lacks"] })
            } else {
              const own = runs.get(name)!
              own.set(impl, [...(own.get(impl) ?? []), measured as unknown as Measurement])
            }
          }
        }
      }
      if (process.stderr.isTTY) process.stderr.write("\r\x1b[K")
      const first = runs.get(group[0]!)!
      for (const name of group) {
        const { beside, what } = cases[name]!
        const measured = [...runs.get(name)!].map(([impl, all]) =>
          beside === undefined
            ? summarize(
                name,
                impl,
                all,
                first.get(by) ?? first.get(oursOnThreads) ?? first.get(oursOnStore),
                first.get(oursByPromise)
              )
            : compare(name, impl, all, { beside, runs: first.get(impl)! })
        )
        const missing = lacking.filter((result) => result.case === name)
        results.push(...measured, ...missing)
        printCase(name, what, by, measured, missing)
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  if (values.json === undefined) return
  const report: Results = {
    machine: {
      processor: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      gigabytes: Math.round(totalmem() / 1024 ** 3),
      system: `${process.platform} ${release()}`
    },
    versions: {
      ...used,
      ...(go === undefined ? {} : { go: execFileSync("go", ["env", "GOVERSION"], { encoding: "utf8" }).trim() })
    },
    command: ["npm run bench --", ...commandLine()].join(" ").replace(/ --$/, ""),
    date: new Date().toISOString().slice(0, 10),
    quick: values.quick,
    by,
    how: Object.fromEntries(impls.map((impl) => [impl, howOf(impl, names)])),
    cases: Object.fromEntries(groupsOf(names).flatMap((group) => group.map((name) => [name, cases[name]!.what]))),
    results
  }
  writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`)
}

/** The options that matter to the figures. */
const commandLine = (): ReadonlyArray<string> => [
  ...(values.only === undefined ? [] : ["--only", values.only]),
  ...(values.impl === undefined ? [] : ["--impl", values.impl]),
  ...(values.by === undefined ? [] : ["--by", values.by]),
  ...(values.rounds === undefined ? [] : ["--rounds", values.rounds]),
  ...(values.quick ? ["--quick"] : [])
]

const howOf = (impl: string, names: ReadonlyArray<string>): string => {
  const isCold = names.every((name) => cases[name]!.kind === "cold")
  return (isCold ? coldSubjects[impl] : (described[impl] ?? subjects[impl]))?.how ?? goHow
}

const goHow =
  "a program of its own in the article's design without its prints: a channel, worker goroutines, a goroutine for each caller and for each timeout; it uses both cores"

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
