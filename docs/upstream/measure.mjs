/**
 * What the reproductions share: variants of Effect in processes of their own, taking turns, and the table of what they cost.
 *
 * A variant may change Effect's files as they are loaded. Each change names the text that it replaces, which must be there
 * once: with another version of Effect the run stops with an error, and measures nothing else than it says.
 */
import { spawnSync } from "node:child_process"
import { registerHooks } from "node:module"
import { parseArgs } from "node:util"

/**
 * Runs a reproduction, and prints a table. `node FILE` takes the time that the figures need, `--quick` shows that all runs,
 * `--rounds N` and `--n N` choose both.
 *
 * `run(n)` of a variant does `n` operations and answers with its figures; `check()` throws if the variant breaks what its
 * page says that it keeps.
 */
export const compare = async (file, { quick, title, n, variants }) => {
  const { values } = parseArgs({
    options: {
      variant: { type: "string" },
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      n: { type: "string" }
    }
  })
  const operations = Number(values.n ?? (values.quick ? quick : n))
  if (values.variant !== undefined) return runVariant(variants[values.variant], operations)

  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
  const figures = Object.fromEntries(Object.keys(variants).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(variants)) figures[name].push(inFreshProcess(file, name, operations))
  }
  console.log(
    `${title}\n${operations.toLocaleString("en")} operations, ${rounds} rounds in turns, node ${process.version}\n`
  )
  printTable(figures)
}

/** Processor time of the whole process for one operation, in microseconds, after a tenth of the work to warm up. */
export const cpuMicros = async (n, work) => {
  await work(Math.ceil(n / 10))
  const before = process.cpuUsage()
  await work(n)
  const { system, user } = process.cpuUsage(before)
  return (system + user) / n
}

/** Bytes that each of `n` things keeps alive, after full collections before and after. */
export const bytesEach = async (n, make) => {
  const held = Array.from({ length: n }, () => undefined)
  const before = await heapInUse()
  for (let at = 0; at < n; at++) held[at] = make(at)
  const after = await heapInUse()
  if (held.length !== n) throw new Error("what was held is gone")
  return (after - before) / n
}

export const expect = (holds, what) => {
  if (!holds) throw new Error(`expected: ${what}`)
}

const heapInUse = async () => {
  for (let round = 0; round < 3; round++) {
    globalThis.gc()
    await new Promise(setImmediate)
  }
  return process.memoryUsage().heapUsed
}

const runVariant = async ({ check, patches = {}, run }, n) => {
  patchEffect(patches)
  await check?.()
  console.log(JSON.stringify(await run(n)))
  process.exit()
}

/** `patches[file]`: pairs of a text in that file of `effect/dist`, and what stands there instead. */
const patchEffect = (patches) => {
  const open = new Map(Object.entries(patches))
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context)
      const file = url.split("/node_modules/effect/dist/")[1]
      const pairs = open.get(file)
      if (pairs === undefined) return loaded
      return { ...loaded, source: pairs.reduce((text, pair) => replaceOnce(file, text, pair), String(loaded.source)) }
    }
  })
}

const replaceOnce = (file, text, [before, after]) => {
  const parts = text.split(before)
  if (parts.length !== 2) {
    throw new Error(
      `effect/dist/${file}: expected ${JSON.stringify(before)} once, as in effect 4.1.0, found it ${parts.length - 1} times`
    )
  }
  return parts.join(after)
}

const inFreshProcess = (file, variant, n) => {
  const args = ["--expose-gc", file, "--variant", variant, "--n", String(n)]
  const { status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })
  if (status !== 0) throw new Error(`${variant}: exit ${status}\n${stderr}`)
  return JSON.parse(stdout)
}

/** The least of the rounds, since what disturbs a machine only adds; ratios to the first variant within each round. */
const printTable = (figures) => {
  const [first] = Object.keys(figures)
  const names = Object.keys(figures[first][0])
  const head = ["variant", ...names.flatMap((figure) => [figure, `by "${first}"`])]
  const rows = Object.entries(figures).map(([variant, rounds]) => [
    variant,
    ...names.flatMap((figure) => {
      const ratios = rounds.map((round, at) => round[figure] / figures[first][at][figure])
      return [digits(Math.min(...rounds.map((round) => round[figure]))), variant === first ? "" : range(ratios)]
    })
  ])
  for (const row of [head, head.map((_, at) => (at === 0 ? "---" : "---:")), ...rows]) {
    console.log(`| ${row.join(" | ")} |`)
  }
}

const digits = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(2))

const range = (ratios) => {
  const sorted = ratios.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return `${median.toFixed(2)} (${sorted[0].toFixed(2)} to ${sorted.at(-1).toFixed(2)})`
}
