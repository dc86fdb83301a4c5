/**
 * Compares simulated waits with queueing theory (Erlang C) and keeps the figures in `docs/scaling/theory.json`.
 *
 * `npm run scaling:theory`: five pairs of servers and utilisation, Poisson arrivals, exponential service, seeds 1 to
 * 8, and none left out. 99 % intervals of the eight means. About ten minutes.
 */
import { Effect } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"
import { erlangC } from "../../src/policies/staffing.ts"

export interface TheoryRow {
  readonly servers: number
  readonly utilisation: number
  /** Requests that count, over all seeds. */
  readonly requests: number
  /** Mean waits in milliseconds: by theory, and of all seeds. */
  readonly expected: number
  readonly mean: number
  /** Half of the 99 % interval of the mean. */
  readonly halfWidth: number
  readonly means: ReadonlyArray<number>
}

const serviceMillis = 100
const seeds = [1, 2, 3, 4, 5, 6, 7, 8]
/** Student's t for seven degrees of freedom, 99 % on both sides. */
const t = 3.499

/** How many requests a seed has: the fuller the servers, the longer a bad moment lasts. */
const pairs: ReadonlyArray<readonly [servers: number, utilisation: number, requests: number]> = [
  [10, 0.5, 800_000],
  [10, 0.8, 500_000],
  [10, 0.9, 1_500_000],
  [10, 0.95, 4_000_000],
  [50, 0.9, 2_500_000]
]

const rows: Array<TheoryRow> = []
for (const [servers, utilisation, requests] of pairs) {
  const load = servers * utilisation
  const rate = (load * 1000) / serviceMillis
  const means: Array<number> = []
  let counted = 0
  for (const seed of seeds) {
    process.stderr.write(`\r${servers} servers at ${utilisation}: seed ${seed} of ${seeds.length} `)
    const { arrived, wait } = await Effect.runPromise(
      Simulation.run({
        policy: ScalingPolicy.fixed(servers),
        pool: { capacity: "unbounded", timeout: "none", scalingInterval: "1 hour" },
        arrivals: Simulation.Arrivals.poisson(rate),
        service: Simulation.ServiceTimes.exponential(serviceMillis),
        duration: Math.ceil((requests / rate) * 1000),
        warmup: "5 minutes",
        seed
      })
    )
    means.push(wait.mean)
    counted += arrived
  }
  const mean = means.reduce((sum, x) => sum + x, 0) / means.length
  const deviation = Math.sqrt(means.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (means.length - 1))
  const expected = (erlangC(servers, load) * serviceMillis) / (servers - load)
  const halfWidth = (t * deviation) / Math.sqrt(means.length)
  rows.push({ servers, utilisation, requests: counted, expected, mean, halfWidth, means })
  const inside = Math.abs(mean - expected) <= halfWidth
  console.log(
    `\r${servers} servers at ${utilisation}: Erlang C ${expected.toFixed(3)} ms, simulated ${mean.toFixed(3)} ms ` +
      `+/- ${((100 * halfWidth) / mean).toFixed(2)} %: ${inside ? "inside" : "OUTSIDE"}`
  )
}
const folder = join(import.meta.dirname, "../../docs/scaling")
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, "theory.json"), `${JSON.stringify(rows, undefined, 2)}\n`)
