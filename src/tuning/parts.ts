/** Which parts of the load a search sees, how much of them at first, and which it does not see. */
import type { Demand } from "./demand.ts"
import type { Span } from "./load.ts"
import type { Task } from "./measure.ts"

/** A part that is simulated, and for how many like it it stands. */
export interface Part extends Span {
  readonly warmupMillis: number
  readonly weight: number
}

/**
 * What is drawn can be drawn again: the search sees one draw of the load, and is judged by others. A recording is there once: of
 * nine blocks of equal length the third, the sixth and the ninth are not seen.
 */
export const split = (
  durationMillis: number,
  isRecorded: boolean
): { readonly seen: ReadonlyArray<Span>; readonly unseen: ReadonlyArray<Span> } => {
  const whole = [{ fromMillis: 0, toMillis: durationMillis }]
  if (!isRecorded) return { seen: whole, unseen: whole }
  const edge = (ninths: number) => Math.round((durationMillis * ninths) / 9)
  const block = (from: number, to: number): Span => ({ fromMillis: edge(from), toMillis: edge(to) })
  return {
    seen: [block(0, 2), block(3, 5), block(6, 8)],
    unseen: [block(2, 3), block(5, 6), block(8, 9)]
  }
}

/** What the search sees is drawn by this: what is to be compared with it has to be, too. */
export const seenSeed = (seed: number | string): string => `${seed}/seen`

/** All of it; each part is warmed up by what came before, seen or not. */
export const whole = (spans: ReadonlyArray<Span>): ReadonlyArray<Part> =>
  spans.map((span) => ({ ...span, warmupMillis: warmupOf(span), weight: 1 }))

/** Its first milliseconds: nothing came before. */
export const fromStart = (toMillis: number): Part => ({ fromMillis: 0, toMillis, warmupMillis: 0, weight: 1 })

const warmupOf = ({ fromMillis, toMillis }: Span): number =>
  Math.min(fromMillis, Math.max(10_000, Math.min(30_000, (toMillis - fromMillis) / 2)))

const shortestMillis = 20_000
const longestMillis = 600_000

/** What a simulation takes before its first request, in requests. */
const startRequests = 600
/** A shorter one would be hardly more than its start. */
const leastRequests = 3000

/** Short pieces of these spans, about sixty in all. */
const slices = (spans: ReadonlyArray<Span>, { perSecond }: Demand): ReadonlyArray<Span> => {
  const all = spans.reduce((sum, { fromMillis, toMillis }) => sum + toMillis - fromMillis, 0)
  const shortest = Math.max(shortestMillis, (1000 * leastRequests) / perSecond)
  const length = Math.max(shortest, Math.min(longestMillis, all / 60))
  return spans.flatMap(({ fromMillis, toMillis }) => {
    const count = Math.max(1, Math.round((toMillis - fromMillis) / length))
    const edge = (n: number) => Math.round(fromMillis + ((toMillis - fromMillis) * n) / count)
    return Array.from({ length: count }, (_, n) => ({ fromMillis: edge(n), toMillis: edge(n + 1) }))
  })
}

/**
 * As many slices as have about so many requests, at least two, or all of it. They stand for the others by the work that they bring:
 * of the heaviest the heaviest, of each other group of equal size that in its middle.
 */
export const sample = (spans: ReadonlyArray<Span>, demand: Demand, requests: number): ReadonlyArray<Part> => {
  const all = slices(spans, demand)
    .map((span) => ({ span, warmupMillis: warmupOf(span), work: demand.within(span).workMillis }))
    .sort((a, b) => b.work - a.work || a.span.fromMillis - b.span.fromMillis)
  const each =
    all.reduce((sum, slice) => sum + requestsOf({ ...slice.span, warmupMillis: slice.warmupMillis }, demand), 0) /
    all.length
  const count = Math.max(2, Math.floor(requests / Math.max(1, each)))
  const wholeRequests = spans.reduce((sum, span) => sum + demand.within(span).requests, 0)
  if (count >= all.length || wholeRequests <= requests) return whole(spans)
  const edge = (n: number) => Math.round((all.length * n) / count)
  return Array.from({ length: count }, (_, n) => {
    const [from, to] = [edge(n), edge(n + 1)]
    const { span, warmupMillis } = all[n === 0 ? 0 : (from + to) >> 1]!
    return { ...span, warmupMillis, weight: to - from }
  })
}

/** What it takes to simulate it, in requests. */
export const requestsOf = ({ fromMillis, toMillis, warmupMillis }: Omit<Part, "weight">, demand: Demand): number =>
  startRequests + demand.within({ fromMillis: fromMillis - warmupMillis, toMillis }).requests

/** Its simulation under one choice of settings. */
export const taskOf = (
  { fromMillis, toMillis, warmupMillis }: Part,
  settings: Task["settings"],
  seed: string,
  of: Task["of"] = "load"
): Task => ({ fromMillis, toMillis, warmupMillis, settings, seed, of })
