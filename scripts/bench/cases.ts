/** The work. Every case is the same for each implementation; `lacks` says which cannot do it. */
import type { Load } from "./load.ts"

/** Who asks: a caller for each request, one stream of calls, or nobody who waits (`ticket`). */
export type Through = "callers" | "stream" | "tickets"

export interface Case {
  readonly what: string
  readonly load: Load
  readonly through: Through
  /**
   * `closed`: `n` requests, at most `outstanding` at a time. `waiting`: `n` requests that never end. `overload` and
   * `offered`: `rate` requests per second whether or not they are served. `lateness`: what a timer of the host sees.
   */
  readonly kind: "closed" | "waiting" | "overload" | "offered" | "lateness"
  readonly n: number
  readonly outstanding: number
  readonly seconds: number
  readonly rate: number
  /** The most rounds: a case that lasts long by itself needs fewer. */
  readonly maxRounds?: number
  /** Measured for these alone. */
  readonly only?: ReadonlyArray<string>
}

const closed = (what: string, load: Partial<Load>, options: Partial<Case> = {}): Case => ({
  what,
  load: { task: "noop", concurrency: 64, ...load },
  through: "callers",
  kind: "closed",
  n: 1_000_000,
  outstanding: 10_000,
  seconds: 0,
  rate: 0,
  ...options
})

/** 64 slots, 50 ms of work, one in twenty hangs until its timeout of 200 ms: 57.5 ms of a slot for each request. */
const overload = (what: string, signals: boolean): Case =>
  closed(
    what,
    { task: "work", capacity: 500, timeoutMillis: 200, patienceMillis: 1_000, signals },
    { kind: "overload", seconds: 20, rate: (2 * 64) / 0.0575, maxRounds: 1 }
  )

const everything: Partial<Load> = { timeoutMillis: 10_000, retries: true, metrics: true }
const ours = ["effect-worker-pool"]

export const cases: Readonly<Record<string, Case>> = {
  W1: closed("no-op", {}),
  W1p: closed("no-op, as a stream", {}, { through: "stream" }),
  W1a: closed("suspends once", { task: "suspend" }),
  W1ap: closed("suspends once, as a stream", { task: "suspend" }, { through: "stream" }),
  "W2-64": closed("5 ms of sleep, 64 at once", { task: "sleep" }, { n: 40_000, outstanding: 128 }),
  "W2-1024": closed(
    "5 ms of sleep, 1,024 at once",
    { task: "sleep", concurrency: 1024 },
    { n: 500_000, outstanding: 2048 }
  ),
  "W2p-1024": closed(
    "5 ms of sleep, 1,024 at once, as a stream",
    { task: "sleep", concurrency: 1024 },
    { n: 500_000, outstanding: 2048, through: "stream" }
  ),
  W3: closed("no-op, 10 ms timeout", { timeoutMillis: 10 }),
  W3a: closed("suspends once, 10 ms timeout", { task: "suspend", timeoutMillis: 10 }),
  W4: closed("10 % fail once and are retried", { task: "flaky", retries: true }),
  W5: closed("1,000,000 waiting callers", { task: "never" }, { kind: "waiting" }),
  W5t: closed("1,000,000 waiting, as tickets", { task: "never" }, { kind: "waiting", through: "tickets" }),
  W6: closed("no-op, everything on", everything),
  W6a: closed("suspends once, everything on", { ...everything, task: "suspend" }),
  W7: overload("twice the capacity, tasks cannot hear of their timeout", false),
  W7s: overload("twice the capacity, tasks get a signal", true),
  W8: closed("64 tasks burn 0.25 ms, yield, repeat", { task: "burn" }, { kind: "lateness", seconds: 5 }),
  ...growing("W9-workers", [1, 10, 100, 1_000, 10_000], (workers) =>
    closed(
      `suspends once, ${workers.toLocaleString("en")} workers`,
      { task: "suspend", concurrency: workers },
      { n: 500_000 }
    )
  ),
  ...growing("W9-waiting", [1, 100, 10_000, 1_000_000], (waiting) =>
    closed(
      `suspends once, 64 run and ${waiting.toLocaleString("en")} wait`,
      { task: "suspend" },
      { outstanding: 64 + waiting, n: Math.max(500_000, 2 * waiting) }
    )
  ),
  ...growing("W9p-waiting", [1, 100, 10_000, 1_000_000], (waiting) =>
    closed(
      `the same as a stream, ${waiting.toLocaleString("en")} wait`,
      { task: "suspend" },
      { outstanding: 64 + waiting, n: Math.max(500_000, 2 * waiting), through: "stream" }
    )
  ),
  article: closed(
    "10,000 per second for 10 s, 1 ms each, the article's settings",
    { task: "nap" },
    { kind: "offered", seconds: 10, rate: 10_000, only: [...ours, "go"] }
  )
}

function growing(name: string, sizes: ReadonlyArray<number>, make: (size: number) => Case): Record<string, Case> {
  return Object.fromEntries(sizes.map((size) => [`${name}-${size}`, make(size)]))
}

/** The same work, less of it: enough to see that all of it runs, not to compare. */
export const quickly = (self: Case): Case => ({
  ...self,
  n: Math.min(self.n, 10_000),
  seconds: Math.min(self.seconds, 0.5)
})

/** Of the growing cases `--quick` runs the ends alone. */
export const isQuick = (name: string): boolean => !/-(10|100|1000|10000)$/.test(name) || name.endsWith("workers-10000")
