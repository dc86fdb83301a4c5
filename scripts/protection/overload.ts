/** Twice what a pool can do, and what is of use of that: with a queue that is first in, first out, with a short one, and with shedding. */
import { Effect } from "effect"
import * as Simulation from "../../src/Simulation.ts"
import { drawPanels, type Line } from "../panels.ts"
import { markdown, range } from "./figures.ts"
import { minute, overload, type services, type Way, ways } from "./loads.ts"

const seeds = [1, 2, 3, 4, 5]
const colours = ["#d9480f", "#868e96", "#1c6fb0"]

const run = (options: Simulation.Options): Promise<Simulation.Figures> => Effect.runPromise(Simulation.run(options))

const inAll = async <A>(of: (seed: number) => Promise<A>): Promise<ReadonlyArray<A>> => {
  const all: Array<A> = []
  for (const seed of seeds) all.push(await of(seed))
  return all
}

/** Who is not answered because of the way that was chosen. */
const turnedAway = ({ arrived, evicted, expired, refused }: Simulation.Figures): number =>
  (evicted + expired + refused) / arrived

const row = async (way: Way): Promise<ReadonlyArray<string>> => {
  console.error(`overload, ${way.name}`)
  const twice = (service: keyof typeof services) => inAll((seed) => run(overload(way, 2, service, seed)))
  const [fixed, exponential, slow] = [await twice("fixed"), await twice("exponential"), await twice("slow")]
  const below = await inAll((seed) => run(overload(way, 0.9, "exponential", seed, 320)))
  const good = (all: typeof fixed) => range(all.map(({ goodPerSecond }) => goodPerSecond!))
  return [
    way.name,
    good(fixed),
    good(exponential),
    good(slow),
    `${range(fixed.map(({ wasted }) => 100 * wasted!))} %`,
    `${range(
      below.map((figures) => 100 * turnedAway(figures)),
      2
    )} %`
  ]
}

/** The table, and a picture of an overload that lasts for a minute. */
export const overloads = async (): Promise<{ readonly table: string; readonly svg: string }> => {
  const rows: Array<ReadonlyArray<string>> = []
  for (const way of ways) rows.push(await row(way))
  const head = [
    "",
    "in time per second, 50 ms each (320 possible)",
    "50 ms on average, exponential (320)",
    "200 ms each (80)",
    "of the workers' time, wasted (50 ms each)",
    "turned away at 0.9 of what is possible"
  ]
  return { table: markdown(head, rows), svg: await picture() }
}

const picture = async (): Promise<string> => {
  const drawn: ReadonlyArray<Way> = [ways[0], ways[2], ways[5]]
  const runs: Array<{ readonly name: string; readonly windows: Simulation.Figures["windows"] }> = []
  for (const way of drawn) {
    console.error(`a minute, ${way.name}`)
    const name = way.name.replaceAll("`", "")
    runs.push({ name, windows: (await run(minute(way))).windows.filter(({ fromMillis }) => fromMillis < 400_000) })
  }
  const lines = (value: (window: Simulation.Window) => number): ReadonlyArray<Line> =>
    runs.map(({ name, windows }, n) => ({
      name,
      colour: colours[n]!,
      points: windows.map((window) => [window.fromMillis / 1000, value(window)] as const)
    }))
  return drawPanels(
    "A minute of twice what 16 workers can do, from 30 s to 90 s",
    runs.map(({ name }) => name),
    400,
    [
      { name: "requests per second", lines: lines(({ arrived }) => arrived).slice(0, 1) },
      { name: "answered within a second, per second", lines: lines(({ good }) => good!) },
      { name: "mean wait of what began or was given up then, s", lines: lines(({ waitMean }) => waitMean / 1000) }
    ]
  )
}
