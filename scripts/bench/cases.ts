/** The work. Every case is the same for each implementation; `lacks` says which cannot do it. */
import type { ColdLoad } from "./cold/load.ts"
import { coldSubjects } from "./cold/subjects.ts"
import type { DurableLoad } from "./durable/load.ts"
import { durableSubjects } from "./durable/subjects.ts"
import type { Load } from "./load.ts"
import type { ThreadLoad } from "./threads/load.ts"
import { threadSubjects } from "./threads/subjects.ts"

/** Who asks: a caller for each request, one stream of calls, or nobody who waits (`ticket`). */
export type Through = "callers" | "stream" | "tickets"

export interface Case {
  readonly what: string
  readonly load: Load
  readonly through: Through
  /**
   * `closed`: `n` requests, at most `outstanding` at a time. `waiting`: `n` requests that never end. `overload` and
   * `offered`: `rate` requests per second whether or not they are served. `lateness`: what a timer of the host sees. `threads`: what
   * `onThreads` says, of two threads. `durable`: what `onStore` says, of a store. `cold`: what `fromStart` says, of processes that start.
   */
  readonly kind: "closed" | "waiting" | "overload" | "offered" | "lateness" | "threads" | "durable" | "cold"
  readonly onThreads?: ThreadLoad
  readonly onStore?: DurableLoad
  readonly fromStart?: ColdLoad
  readonly n: number
  readonly outstanding: number
  readonly seconds: number
  readonly rate: number
  /** The most rounds: a case that lasts long by itself needs fewer. */
  readonly maxRounds?: number
  /** Measured for these alone. */
  readonly only?: ReadonlyArray<string>
  /** It is measured in turns with this case, and compared with it. */
  readonly beside?: string
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
const oursByAnyDoor = [...ours, "effect-worker-pool-promise"]
const million = 1_000_000

/** The cases, and families of cases, by which this pool is compared in short: they are measured more often than the others. */
export const compared: ReadonlyArray<string> = [
  "W1",
  "W1a",
  "W1ap",
  "W1i",
  "W1ip",
  "W3a",
  "W6",
  "W6a",
  "W2-1024",
  "W2p-1024",
  "W9",
  "C1",
  "C2"
]

export const cases: Readonly<Record<string, Case>> = {
  W1: closed("no-op", {}),
  W1p: closed("no-op, as a stream", {}, { through: "stream" }),
  W1a: closed("suspends once", { task: "suspend" }),
  W1ap: closed("suspends once, as a stream", { task: "suspend" }, { through: "stream" }),
  W1i: closed("suspends until the next turn of the event loop", { task: "immediate" }),
  W1ip: closed(
    "suspends until the next turn of the event loop, as a stream",
    { task: "immediate" },
    { through: "stream" }
  ),
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
  ...ranked("Q1", "no-op", {}, {}),
  ...ranked("Q1p", "no-op, as a stream", {}, { through: "stream" }),
  ...ranked(
    "Q1m",
    "suspends once, as a stream, 1,000,000 wait",
    { task: "suspend" },
    { through: "stream", outstanding: 64 + million, n: 2 * million }
  ),
  "Q1-priority": closed(
    "no-op, three priorities",
    { priorities: 3 },
    { only: [...ours, "p-queue", "async"], maxRounds: 3 }
  ),
  ...besideFirst({
    "Q2-0": closed(
      "no-op, 1,000 keys and a gate, nothing is held back",
      { keys: 1_000, gates: ["pool"] },
      { only: ours }
    ),
    "Q2-1000000": closed(
      "the same beside 1,000,000 that wait behind a closed limit",
      { keys: 1_000, gates: ["pool"], heldBack: million },
      { only: ours }
    )
  }),
  ...ranked("Q5", "1,000,000 waiting, as tickets", { task: "never" }, { kind: "waiting", through: "tickets" }),
  ...besideFirst({
    R1: closed("no-op", {}, { only: oursByAnyDoor }),
    "R1-recorded": closed("no-op, recorded to a file", { recorded: true }, { only: oursByAnyDoor })
  }),
  ...besideFirst({
    B1: batches("5.1 ms each, 4 workers, one by one", undefined, 4_000),
    "B1-10": batches("the same 10 at a time: 5 ms and 0.1 ms each", 10, 20_000),
    "B1-100": batches("the same 100 at a time", 100, 100_000)
  }),
  T1: onThreads("no-op, one at a time", { what: "noop" }, 20_000, 1),
  T2: onThreads("no-op, 64 callers", { what: "noop" }, 50_000, 64),
  "T3-1": onThreads("1 ms of computing, 8 callers", { what: "spin", millis: 1 }, 4_000, 8),
  "T3-10": onThreads("10 ms of computing, 8 callers", { what: "spin", millis: 10 }, 400, 8),
  "T4-1": onThreads("1 MB there and back, copied", { what: "echo", megabytes: 1 }, 400, 1),
  "T4-16": onThreads("16 MB there and back, copied", { what: "echo", megabytes: 16 }, 40, 1),
  "T4m-1": onThreads("1 MB there and back, moved", { what: "move", megabytes: 1 }, 400, 1),
  "T4m-16": onThreads("16 MB there and back, moved", { what: "move", megabytes: 16 }, 40, 1),
  T5: onThreads("from a deadline until both threads have worked again", { what: "kill" }, 5, 1),
  T6: onThreads("from nothing to the first value, bundled", { what: "start" }, 5, 1),
  "T6-source": onThreads("the same from TypeScript as it is", { what: "start", isBundled: false }, 5, 1),
  D1: onStore(
    "10,000 that wait in a store, two worker processes, to the last outcome",
    { what: "drain" },
    { n: 10_000 }
  ),
  "D2-64": onStore("until it is stored, 64 callers", { what: "submit" }, { n: 5_000, outstanding: 64 }),
  "D2-1000": onStore("until it is stored, 1,000 callers", { what: "submit" }, { n: 10_000, outstanding: 1_000 }),
  D3: onStore(
    "one at a time, from `submit` in one process to the start in another, and back",
    { what: "idle" },
    { n: 300 }
  ),
  D4: onStore("statements while nothing happens", { what: "quiet" }, { n: 1, seconds: 60, maxRounds: 1 }),
  C1: fromStart("from the start of a process to its first result", { what: "first" }, 1),
  C2: fromStart("10,000 requests in all, no-op, the pool is made first", { what: "many" }, 10_000),
  article: closed(
    "10,000 per second for 10 s, 1 ms each, the article's settings",
    { task: "nap" },
    { kind: "offered", seconds: 10, rate: 10_000, only: [...ours, "go"] }
  )
}

function growing(name: string, sizes: ReadonlyArray<number>, make: (size: number) => Case): Record<string, Case> {
  return Object.fromEntries(sizes.map((size) => [`${name}-${size}`, make(size)]))
}

/** Two threads, by those who have some. */
function onThreads(what: string, load: ThreadLoad, n: number, outstanding: number): Case {
  const only = Object.keys(threadSubjects).filter((name) => threadSubjects[name]!.at.includes(load.what))
  return closed(what, { concurrency: 2 }, { kind: "threads", onThreads: load, n, outstanding, only })
}

/** Four workers that write into something far away. */
function batches(what: string, batch: number | undefined, n: number): Case {
  return closed(what, { task: "index", concurrency: 4, batch }, { n, outstanding: 1_000, only: ours })
}

/** A store, by those who have one. */
function onStore(what: string, load: DurableLoad, options: Partial<Case>): Case {
  const only = Object.keys(durableSubjects).filter((name) => durableSubjects[name]!.at.includes(load.what))
  return closed(what, { concurrency: 64 }, { kind: "durable", onStore: load, outstanding: 1, only, ...options })
}

/** A process that has only just started. */
function fromStart(what: string, load: ColdLoad, n: number): Case {
  const only = Object.keys(coldSubjects).filter((name) => coldSubjects[name]!.at.includes(load.what))
  return closed(what, {}, { kind: "cold", fromStart: load, n, outstanding: n, only })
}

/** The queue, by what it goes by. */
function ranked(name: string, what: string, load: Partial<Load>, options: Partial<Case>): Record<string, Case> {
  const make = (by: string, more: Partial<Load>) =>
    closed(`${what}, ${by}`, { ...load, ...more }, { ...options, only: ours })
  return besideFirst({
    [`${name}-fifo`]: make("first in, first out", {}),
    [`${name}-key`]: make("one key", { keys: 1 }),
    [`${name}-gate`]: make("one key and a gate", { keys: 1, gates: ["pool"] }),
    [`${name}-1000`]: make("1,000 keys", { keys: 1_000 }),
    [`${name}-1000000`]: make("1,000,000 keys", { keys: million }),
    [`${name}-gates`]: make("1,000,000 keys, each with two gates", { keys: million, gates: ["key", "key"] })
  })
}

function besideFirst(all: Record<string, Case>): Record<string, Case> {
  const first = Object.keys(all)[0]!
  return Object.fromEntries(
    Object.entries(all).map(([name, self]) => [name, name === first ? self : { ...self, beside: first }])
  )
}

/** It is one of these, or of the family of one. */
export const isOf = (names: ReadonlyArray<string>, known: string): boolean =>
  names.some((name) => known === name || known.startsWith(`${name}-`))

/** How often it is measured, when nobody has asked for another number: the more, the less does one disturbed round weigh. */
export const roundsOf = (name: string, asked = isOf(compared, name) ? 5 : 3): number =>
  Math.min(asked, cases[name]!.maxRounds ?? Infinity)

/** The same work, less of it: enough to see that all of it runs, not to compare. */
export const quickly = (self: Case): Case => ({
  ...self,
  n: Math.min(isSlow(self) ? Math.ceil(self.n / 1_000) : self.n, 10_000),
  seconds: Math.min(self.seconds, 0.5),
  load: self.load.heldBack === undefined ? self.load : { ...self.load, heldBack: Math.min(self.load.heldBack, 10_000) }
})

const isSlow = ({ kind }: Case): boolean => kind === "threads" || kind === "durable"

/** Of the growing cases `--quick` runs the ends alone. */
export const isQuick = (name: string): boolean => !/-(10|100|1000|10000)$/.test(name) || name.endsWith("workers-10000")
