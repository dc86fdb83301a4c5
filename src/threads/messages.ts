/** What the pool's thread and a thread of a handler say to each other: tuples, whose first number says which. */
import type { LogLevel } from "effect"
import type { Thrown } from "./thrown.ts"

/** To a thread. */
export const To = {
  /** Run an attempt. A thread has at most one. */
  run: 0,
  /** End the attempt that runs, as an interruption does. With why, where handlers are plain functions, and it can be told. */
  interrupt: 1,
  /** Nothing more will come: end your layer and go. */
  end: 2,
  /** Build your layer. Comes first, where handlers are effects. */
  begin: 3
} as const

/** From a thread. */
export const From = {
  /** It can run attempts. With the names of what it can run. */
  ready: 0,
  /** The attempt has succeeded, with a value as its schema encodes it. */
  value: 1,
  /** It has failed, with an error as its schema encodes it. */
  error: 2,
  /** It has ended in any other way: its whole exit, as its schema encodes it. */
  exit: 3,
  /** It has ended, but how cannot be told, for this reason. */
  untold: 4,
  /** The interruption has been heard: the attempt ends as soon as its finalizers have. */
  heard: 5,
  /** It can never be ready, for this reason. */
  unusable: 6,
  log: 7,
  metrics: 8,
  spanStart: 9,
  /** What is added to a span meanwhile. */
  spanMore: 10,
  spanEnd: 11,
  /** Of a process: nobody catches this, and it ends of it. */
  uncaught: 12,
  /** Of a process: it goes by itself, and all it had to say has been sent. */
  leaving: 13,
  /** Its last word: so many attempts have begun on it. */
  begun: 14,
  /** So many logs and spans were not told: there were too many. */
  dropped: 15
} as const

/** A span from elsewhere: its trace, itself, and whether it is sampled. */
export type SpanContext = readonly [traceId: string, spanId: string, sampled: boolean]

/** The span in which an attempt runs. `isTraced`: there is a tracer to which spans within it go. */
export type AttemptSpan = readonly [...SpanContext, isTraced: boolean]

/** What a thread is told when it begins. */
export interface Begin {
  /** What is logged below that is not sent. */
  readonly logLevel: LogLevel.LogLevel
  /** Nothing, as a structured clone keeps it, and JSON does not. */
  readonly cloned: ReadonlyArray<undefined>
  /** Where what it tells and what is taken are counted: see `Backlog`. `undefined`: no memory can be shared. */
  readonly backlog?: SharedArrayBuffer | undefined
}

export type ToThread =
  | readonly [
      kind: typeof To.run,
      tag: string,
      payload: unknown,
      /** Of a batch: of each, as are its payloads, and as are the exits with which it succeeds. */
      requestId: string | ReadonlyArray<string>,
      attempt: number | ReadonlyArray<number>,
      span: AttemptSpan | undefined
    ]
  | readonly [kind: typeof To.interrupt, why: Thrown | undefined]
  | readonly [kind: typeof To.end]
  | readonly [kind: typeof To.begin, told: Begin]

/** How an attempt has ended. */
export type Answer =
  | readonly [kind: typeof From.value | typeof From.error | typeof From.exit, told: unknown]
  | readonly [kind: typeof From.untold, told: string]

export type FromThread =
  | Answer
  | readonly [kind: typeof From.ready, names: ReadonlyArray<string> | undefined]
  | readonly [kind: typeof From.heard]
  | readonly [kind: typeof From.unusable, reason: string]
  | readonly [kind: typeof From.uncaught, words: string]
  | readonly [kind: typeof From.leaving]
  | readonly [kind: typeof From.begun, attempts: number]
  | Report

/** What a thread tells besides. */
export type Report =
  | readonly [kind: typeof From.log, told: Log]
  | readonly [kind: typeof From.metrics, told: ReadonlyArray<Change>]
  | readonly [kind: typeof From.spanStart, told: SpanStart]
  | readonly [kind: typeof From.spanMore, told: SpanMore]
  | readonly [kind: typeof From.spanEnd, told: SpanEnd]
  | readonly [kind: typeof From.dropped, told: number]

const reports: ReadonlySet<number> = new Set([
  From.log,
  From.metrics,
  From.spanStart,
  From.spanMore,
  From.spanEnd,
  From.dropped
])

export const isReport = (message: FromThread): message is Report => reports.has(message[0])

export interface Log {
  readonly level: LogLevel.LogLevel
  readonly message: ReadonlyArray<unknown>
  /** As JSON; `undefined`: there is none. */
  readonly cause: unknown
  readonly annotations: Readonly<Record<string, unknown>>
  readonly spans: ReadonlyArray<readonly [label: string, startedAt: number]>
  readonly date: Date
  /** The span of the thread in which it was logged. */
  readonly span: number | undefined
}

/** How a metric has changed since it was last told of. */
export type Change = {
  readonly id: string
  readonly description: string | undefined
  readonly attributes: Readonly<Record<string, string>> | undefined
} & (
  | { readonly type: "Counter"; readonly by: number | bigint; readonly incremental: boolean }
  | { readonly type: "Gauge"; readonly value: number | bigint }
  | { readonly type: "Frequency"; readonly by: ReadonlyArray<readonly [word: string, times: number]> }
)

export interface SpanStart {
  /** From 1, never used again on its thread. */
  readonly id: number
  readonly name: string
  /** A span of the thread, or one from elsewhere: of the attempt, for example. `undefined`: it has none. */
  readonly parent: number | SpanContext | undefined
  readonly startTime: bigint
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer"
  readonly isRoot: boolean
  readonly links: ReadonlyArray<SpanLink>
}

export type SpanLink = readonly [span: number | SpanContext, attributes: Readonly<Record<string, unknown>>]

export interface SpanMore {
  readonly id: number
  readonly attributes?: Readonly<Record<string, unknown>>
  readonly event?: readonly [name: string, time: bigint, attributes: Readonly<Record<string, unknown>>]
  readonly links?: ReadonlyArray<SpanLink>
}

export interface SpanEnd {
  readonly id: number
  readonly endTime: bigint
  /** As JSON; `undefined`: it has succeeded. */
  readonly cause: unknown
}
