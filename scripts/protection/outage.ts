/** A downstream that is out of order for half a minute, and what a budget for retries and a breaker spare it. */
import { Effect } from "effect"
import { CircuitBreaker, type PoolConfig, RetryBudget, RetryPolicy, ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"
import { drawPanels, type Line } from "../panels.ts"

const { Arrivals, ServiceTimes } = Simulation

const rate = 1000
const seconds = 100
const [from, until] = [20, 50]
const colours = ["#868e96", "#d9480f", "#1c6fb0", "#2b8a5b"]

const budget = RetryBudget.make()
const breaker = CircuitBreaker.make({
  tripPolicy: CircuitBreaker.rate(),
  openDuration: "2 seconds",
  probes: 5,
  whenOpen: "fail"
})
const ways: ReadonlyArray<{ readonly name: string; readonly options: PoolConfig.Options }> = [
  { name: "neither", options: {} },
  { name: "budget", options: { retryBudget: budget } },
  { name: "breaker", options: { breaker } },
  { name: "both", options: { retryBudget: budget, breaker } }
]

interface Run {
  readonly name: string
  /** Attempts that began in each second. */
  readonly attempts: ReadonlyArray<number>
  /** Of the requests that came in each second, the share that succeeded. */
  readonly succeeded: ReadonlyArray<number>
  readonly came: number
  readonly ended: number
}

const outage = async (way: (typeof ways)[number]): Promise<Run> => {
  console.error(`outage, ${way.name}`)
  const attempts = Array.from({ length: seconds }, () => 0)
  const came = Array.from({ length: seconds }, () => 0)
  const succeeded = Array.from({ length: seconds }, () => 0)
  const ends = new Map<number, number>()
  const figures = await Effect.runPromise(
    Simulation.run({
      policy: ScalingPolicy.fixed(400),
      pool: {
        minWorkers: 0,
        maxWorkers: 400,
        deadLetters: 0,
        decisions: 0,
        retry: RetryPolicy.make({ times: 3, base: 100 }),
        ...way.options
      },
      arrivals: Arrivals.poisson(rate),
      service: ServiceTimes.exponential(20),
      downstream: { capacity: 200, outages: [{ fromMillis: from * 1000, untilMillis: until * 1000 }] },
      duration: seconds * 1000,
      onAttempt: (_, atMillis) => {
        const second = Math.floor(atMillis / 1000)
        if (second < seconds) attempts[second]!++
      },
      onEnd: ({ atMillis, end, index }) => {
        const second = Math.min(seconds - 1, Math.floor(atMillis / 1000))
        came[second]!++
        if (end === "completed") succeeded[second]!++
        ends.set(index, (ends.get(index) ?? 0) + 1)
      }
    })
  )
  return {
    name: way.name,
    attempts,
    succeeded: succeeded.map((count, second) => count / came[second]!),
    came: figures.arrived,
    ended: [...ends.values()].filter((count) => count === 1).length
  }
}

const count = (value: number): string => Math.round(value).toLocaleString("en")
const sum = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0)

/** The table, and the picture beside it. Whatever was asked for must have had exactly one end. */
export const outages = async (): Promise<{ readonly table: string; readonly svg: string }> => {
  const runs: Array<Run> = []
  for (const way of ways) runs.push(await outage(way))
  for (const { came, ended, name } of runs) {
    if (came !== ended) throw new Error(`${name}: ${came} came, ${ended} had one end`)
  }
  const lineOf = (pick: (run: Run) => ReadonlyArray<number>): ReadonlyArray<Line> =>
    runs.map((run, n) => ({
      name: run.name,
      colour: colours[n]!,
      points: pick(run).map((value, second) => [second, value] as const)
    }))
  const svg = drawPanels(
    "What calls a service that is out of order from 20 s to 50 s",
    ways.map(({ name }) => name),
    seconds,
    [
      { name: "attempts per second", lines: lineOf(({ attempts }) => attempts) },
      { name: "of what came then, % succeed", lines: lineOf(({ succeeded }) => succeeded.map((share) => 100 * share)) }
    ]
  )
  const rows = runs.map(({ attempts, name, succeeded }) => {
    const during = attempts.slice(from, until)
    const back = succeeded.findIndex((share, second) => second >= until && share >= 0.99)
    return [
      name,
      count(sum(during) / during.length),
      count(Math.max(...attempts.slice(from))),
      back === -1 ? "not within 50 s" : `in second ${back - until + 1}`,
      `${((100 * sum(succeeded.slice(until))) / (seconds - until)).toFixed(1)} %`
    ]
  })
  const head = [
    "",
    "attempts per second in the outage",
    "most in a second from then on",
    "99 % succeed again",
    "of what came in the 50 s after it, succeeded"
  ]
  const table = [head, head.map((_, at) => (at === 0 ? "---" : "---:")), ...rows]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n")
  return { table, svg }
}
