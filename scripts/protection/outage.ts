/** A downstream that is out of order for half a minute, and what a budget for retries and a breaker spare it. */
import { Effect } from "effect"
import { CircuitBreaker, type PoolConfig, RetryBudget, RetryPolicy, ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"
import { drawPanels, type Line } from "../panels.ts"
import { markdown, range } from "./figures.ts"

const { Arrivals, ServiceTimes } = Simulation

const seeds = [1, 2, 3]
const rate = 1000
const seconds = 100
const [from, until] = [20, 50]
const inTimeMillis = 1000
const colours = ["#868e96", "#d9480f", "#1c6fb0", "#7048e8", "#2b8a5b"]

const budget = RetryBudget.make()
const breakerThat = (whenOpen: "fail" | "wait") =>
  CircuitBreaker.make({ tripPolicy: CircuitBreaker.rate(), openDuration: "2 seconds", probes: 5, whenOpen })
const ways: ReadonlyArray<{ readonly name: string; readonly options: PoolConfig.Options }> = [
  { name: "neither", options: {} },
  { name: "budget", options: { retryBudget: budget } },
  { name: "breaker, fails", options: { breaker: breakerThat("fail") } },
  { name: "breaker, waits", options: { breaker: breakerThat("wait") } },
  { name: "budget and breaker, fails", options: { retryBudget: budget, breaker: breakerThat("fail") } }
]

interface Run {
  readonly name: string
  /** Attempts that began in each second. */
  readonly attempts: ReadonlyArray<number>
  /** Of the requests that came in each second, the share that succeeded within a second. */
  readonly inTime: ReadonlyArray<number>
  /** Of those that came in each second, the share that succeeded. */
  readonly succeeded: ReadonlyArray<number>
  readonly came: number
}

const none = (): Array<number> => Array.from({ length: seconds }, () => 0)

/** Whatever was asked for must have had exactly one end. */
const outage = async ({ name, options }: (typeof ways)[number], seed: number): Promise<Run> => {
  console.error(`outage, ${name}, seed ${seed}`)
  const [attempts, came, succeeded, inTime] = [none(), none(), none(), none()]
  const ends = new Map<number, number>()
  const figures = await Effect.runPromise(
    Simulation.run({
      policy: ScalingPolicy.fixed(400),
      pool: {
        minWorkers: 0,
        maxWorkers: 400,
        capacity: "unbounded",
        deadLetters: 0,
        decisions: 0,
        retry: RetryPolicy.make({ times: 3, base: 100 }),
        ...options
      },
      arrivals: Arrivals.poisson(rate),
      service: ServiceTimes.exponential(20),
      downstream: { capacity: 200, outages: [{ fromMillis: from * 1000, untilMillis: until * 1000 }] },
      duration: seconds * 1000,
      seed,
      onAttempt: (_, atMillis) => {
        const second = Math.floor(atMillis / 1000)
        if (second < seconds) attempts[second]!++
      },
      onEnd: ({ atMillis, end, endedAt, index }) => {
        const second = Math.min(seconds - 1, Math.floor(atMillis / 1000))
        came[second]!++
        if (end === "completed") succeeded[second]!++
        if (end === "completed" && endedAt - atMillis <= inTimeMillis) inTime[second]!++
        ends.set(index, (ends.get(index) ?? 0) + 1)
      }
    })
  )
  const ended = [...ends.values()].filter((count) => count === 1).length
  if (ended !== figures.arrived) throw new Error(`${name}: ${figures.arrived} came, ${ended} had one end`)
  const shareOf = (counts: ReadonlyArray<number>) => counts.map((count, second) => count / came[second]!)
  return { name, attempts, inTime: shareOf(inTime), succeeded: shareOf(succeeded), came: figures.arrived }
}

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** The first second after the outage of which so many succeed in time again, from one on. */
const backIn = ({ inTime }: Run): number =>
  inTime.findIndex((share, second) => second >= until && share >= 0.99) - until + 1

/** The table, the picture beside it, and how many requests had their one end in all runs. */
export const outages = async (): Promise<{ readonly table: string; readonly svg: string; readonly ended: number }> => {
  const runs: Array<ReadonlyArray<Run>> = []
  for (const way of ways) {
    const all: Array<Run> = []
    for (const seed of seeds) all.push(await outage(way, seed))
    runs.push(all)
  }
  const lineOf = (pick: (run: Run) => ReadonlyArray<number>): ReadonlyArray<Line> =>
    runs.map(([run], n) => ({
      name: run!.name,
      colour: colours[n]!,
      // What a budget adds to a breaker is not to be seen.
      dashed: n === runs.length - 1,
      points: pick(run!).map((value, second) => [second, value] as const)
    }))
  const svg = drawPanels(
    "What calls a service that is out of order from 20 s to 50 s",
    ways.map(({ name }) => name),
    seconds,
    [
      { name: "attempts per second", lines: lineOf(({ attempts }) => attempts) },
      {
        name: "of what came then, % succeed within a second",
        max: 100,
        lines: lineOf(({ inTime }) => inTime.map((share) => 100 * share))
      }
    ]
  )
  const rows = runs.map((all) => {
    const over = (value: (run: Run) => number, digits = 0) => range(all.map(value), digits)
    return [
      all[0]!.name,
      over(({ attempts }) => mean(attempts.slice(from, until))),
      over(({ attempts }) => Math.max(...attempts.slice(from))),
      all.some((run) => backIn(run) < 1) ? "not within 50 s" : over(backIn),
      `${over(({ succeeded }) => 100 * mean(succeeded.slice(from, until)), 1)} %`,
      `${over(({ succeeded }) => 100 * mean(succeeded.slice(until)), 1)} %`
    ]
  })
  const head = [
    "",
    "attempts per second in the outage",
    "most in a second from then on",
    "second after it in which 99 % succeed within a second again",
    "of what came in the outage, succeeded",
    "of what came in the 50 s after it"
  ]
  return { table: markdown(head, rows), svg, ended: runs.flat().reduce((sum, { came }) => sum + came, 0) }
}
