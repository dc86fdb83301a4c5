/** What the pool's thread and a thread of a handler say to each other: tuples, whose first number says which. */

/** To a thread. */
export const To = {
  /** Run an attempt. A thread has at most one. */
  run: 0,
  /** End the attempt that runs, as an interruption does. */
  interrupt: 1,
  /** Nothing more will come: end your layer and go. */
  end: 2
} as const

/** From a thread. */
export const From = {
  /** It can run attempts. With the names of what it can run. */
  ready: 0,
  /** The attempt has succeeded, with a value as its schema encodes it. */
  value: 1,
  /** It has failed, with an error as its schema encodes it. */
  error: 2,
  /** It has ended in any other way: its whole exit, as JSON. */
  exit: 3,
  /** The interruption has been heard: the attempt ends as soon as its finalizers have. */
  heard: 4,
  /** It can never be ready, for this reason. */
  unusable: 5,
  log: 6,
  metrics: 7,
  spanStart: 8,
  spanEnd: 9,
  /** Of a process: nobody catches this, and it ends of it. */
  uncaught: 10,
  /** Of a process: it goes by itself, and all it had to say has been sent. */
  leaving: 11
} as const

/** The span in which an attempt runs: its trace, itself, and whether it is sampled. */
export type SpanContext = readonly [traceId: string, spanId: string, sampled: boolean]

export type ToThread =
  | readonly [
      kind: typeof To.run,
      tag: string,
      payload: unknown,
      requestId: string,
      attempt: number,
      span: SpanContext | undefined
    ]
  | readonly [kind: typeof To.interrupt]
  | readonly [kind: typeof To.end]

export type FromThread =
  | readonly [kind: typeof From.ready, names: ReadonlyArray<string> | undefined]
  | readonly [kind: typeof From.value, value: unknown]
  | readonly [kind: typeof From.error, error: unknown]
  | readonly [kind: typeof From.exit, exit: unknown]
  | readonly [kind: typeof From.heard]
  | readonly [kind: typeof From.unusable, reason: string]
  | readonly [kind: typeof From.uncaught, words: string]
  | readonly [kind: typeof From.leaving]
  | Report

/** What a thread tells besides. */
export type Report = readonly [
  kind: typeof From.log | typeof From.metrics | typeof From.spanStart | typeof From.spanEnd,
  told: unknown
]
