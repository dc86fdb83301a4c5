/** The settings of the service: one table, from which come the flags, the environment and the keys of the file. */
import type { Kind } from "./kinds.ts"
import * as kinds from "./kinds.ts"

export type Source = "flag" | "environment" | "file"

export interface Setting<A> {
  readonly kind: Kind<A>
  readonly description: string
  /** As one would write it. Without one it may be left unset. */
  readonly default: string | undefined
  /** How the help and the documentation tell what holds when it is not set. */
  readonly defaultHelp: string
  readonly sources: ReadonlyArray<Source>
  /** What its flag is called, where that may be given several times, once for each of the list. */
  readonly flag?: string
}

const everywhere: ReadonlyArray<Source> = ["flag", "environment", "file"]

const withDefault = <A>(kind: Kind<A>, value: string, description: string): Setting<A> => ({
  kind,
  description,
  default: value,
  defaultHelp: value,
  sources: everywhere
})

const optional = <A>(
  kind: Kind<A>,
  defaultHelp: string,
  description: string,
  sources = everywhere
): Setting<A | undefined> => ({ kind, description, default: undefined, defaultHelp, sources })

export const settings = {
  config: optional(kinds.path("FILE"), "none", "A .json, .yaml, .yml or .toml file of settings", [
    "flag",
    "environment"
  ]),
  handlers: optional(kinds.path("MODULE"), "required", "A module that exports `group` and `layer`"),
  host: withDefault(kinds.host, "127.0.0.1", "The address to listen on; other machines reach it only with a token"),
  port: withDefault(kinds.whole(0, 65_535), "8080", "The port to listen on; 0 takes any that is free"),
  processes: optional(
    kinds.processes,
    "one, without more",
    "Serve with so many processes on one port, each with its share of the pool; auto: as many as there are cores"
  ),
  startTimeout: withDefault(
    kinds.time(1),
    "60s",
    "With processes: what each has to load its handlers and listen; one that does not is killed"
  ),
  name: withDefault(
    kinds.text("NAME", "a text that is not empty"),
    "serve",
    "Names the pool in metrics, logs and reports"
  ),
  minWorkers: withDefault(kinds.whole(0), "1", "Workers kept even when idle"),
  maxWorkers: optional(
    kinds.whole(1),
    "64, with threads as many as there are, or more if minWorkers or fixed:N is",
    "The most workers"
  ),
  threads: optional(
    kinds.threads,
    "none",
    "Run each attempt on a thread of its own, at most so many at once; auto, or the flag alone: as many as there are cores"
  ),
  isolate: optional(
    kinds.isolation,
    "thread",
    "With threads: each may be a process of its own, which can be ended whatever it does, and takes nobody with it"
  ),
  threadMemory: optional(
    kinds.threadMemory,
    "none",
    "With threads: one whose values take more is killed, and its attempt fails"
  ),
  store: optional(
    kinds.store,
    "none",
    "Requests are stored, and outlive the process: in a folder, or in a PostgreSQL that several machines share"
  ),
  noWorkers: optional(kinds.yes, "false", "With a store: only take requests, for other processes to work on"),
  noMigrate: optional(
    kinds.yes,
    "false",
    "With a store: refuse one whose tables are not those of this version, and change none"
  ),
  lookAhead: optional(kinds.lookAhead, "100ms", "With a store: claim what the workers will begin within so long"),
  maxHeld: optional(kinds.maxHeld, "1000", "With a store: the most requests that this process has at a time"),
  deliveries: optional(
    kinds.deliveries,
    "5",
    "With a store: a request ends when so many processes have ended while they had it"
  ),
  keepOutcomes: optional(
    kinds.keepOutcomes,
    "7d",
    "With a store: how long ends are kept, and ids are not stored again"
  ),
  capacity: withDefault(kinds.poolCapacity, "10000", "The most requests that wait"),
  strategy: withDefault(
    kinds.oneOf("suspend", "dropping", "sliding", "shedding"),
    "dropping",
    "A full queue lets callers wait, refuses them, or evicts the oldest; with shedding long waits end, too, while there is too much to do"
  ),
  maxScheduled: optional(
    kinds.whole(0),
    "capacity",
    "Requests with a delay that may be there before they are due; a store has no bound"
  ),
  sheddingTarget: optional(
    kinds.poolTime("a duration above zero"),
    "100ms",
    "With the strategy shedding: the longest wait while there is too much to do"
  ),
  sheddingInterval: optional(
    kinds.poolTime("a duration above zero"),
    "ten times sheddingTarget",
    "With the strategy shedding: there is too much to do when something has waited for all of this time"
  ),
  policy: withDefault(kinds.policy, "adaptive", "What decides how many workers there are"),
  limits: {
    ...optional(
      kinds.limits,
      "none",
      "How much may run at once, and how often something may start; one for each `--limit`"
    ),
    flag: "limit"
  },
  priority: optional(kinds.whole(-10, 10), "0", "Of requests that come without one; higher first"),
  aging: optional(
    kinds.poolTime('a duration above zero, or "none"'),
    "30s",
    "How much earlier a request would have to come for one step of priority"
  ),
  keyCapacity: optional(
    kinds.keyCapacity,
    "dynamic",
    "The most requests of one key that wait; dynamic: as many as there are places left"
  ),
  forgetKeys: optional(kinds.whole(0), "10000", "Keys that are remembered after their last request"),
  order: optional(
    kinds.oneOf("fifo", "lifo"),
    "fifo",
    "Whether the oldest or the newest of one key and priority comes first"
  ),
  scalingInterval: withDefault(kinds.poolTime("a duration above zero"), "1s", "Time between two looks at the load"),
  timeout: withDefault(kinds.poolTime('a duration above zero, or "none"'), "30s", "For one attempt"),
  expiresIn: withDefault(kinds.poolTime('a duration above zero, or "none"'), "none", "For a request, in every phase"),
  retries: withDefault(kinds.whole(0), "0", "Attempts after a first that failed or timed out, with backoff"),
  retryBudget: optional(
    kinds.retryBudget,
    "none",
    "The most that retries may add to the load, by type: 0.2 is one for five first attempts, and ten a second for few"
  ),
  interruptGrace: withDefault(
    kinds.poolTime("a duration above zero"),
    "1s",
    "What an interrupted attempt has before it counts as stuck"
  ),
  drainDeadline: withDefault(
    kinds.poolTime("a duration, at least zero"),
    "30s",
    "What accepted requests have after a signal"
  ),
  shutdownDelay: withDefault(
    kinds.time(0),
    "0",
    "How long it still takes requests after a signal, while it is not ready: until nobody routes to it"
  ),
  drainGrace: withDefault(
    kinds.poolTime("a duration above zero"),
    "1s",
    "What those that run then have to end once interrupted"
  ),
  maxStuckWorkers: withDefault(kinds.whole(0), "0", "Stuck workers that are replaced"),
  deadLetters: withDefault(kinds.whole(0), "1000", "Requests that failed or timed out and are kept to be retried"),
  decisions: withDefault(kinds.whole(0), "100", "Scaling decisions that are kept"),
  token: {
    ...optional(kinds.secret, "none", "What a client must show. In no flag, since all can read those, and in no file"),
    sources: ["environment"]
  },
  tokenFile: optional(kinds.path("FILE"), "none", "A file that holds the token; space around it is left out"),
  tokensFile: optional(
    kinds.path("FILE"),
    "none",
    "A .json, .yaml, .yml or .toml file with a token for each tenant, by its name, which is the key of its requests"
  ),
  keyFrom: optional(
    kinds.keyFrom,
    "token with tokensFile, else query",
    "Where the key of a request comes from: `?key=`, the token of a tenant, or a header that a proxy sets"
  ),
  maxBody: withDefault(kinds.bytes, "1MiB", "The most bytes of the body of one HTTP request"),
  maxConnections: withDefault(kinds.whole(1), "1024", "The most connections at once"),
  requestTimeout: withDefault(kinds.time(1), "30s", "For a client to send a whole HTTP request"),
  headersTimeout: optional(kinds.time(1), "10s, or requestTimeout if that is less", "For a client to send the headers"),
  maxWait: withDefault(kinds.time(0), "60s", "The most that `Prefer: wait` is granted"),
  keepEnds: withDefault(kinds.whole(0), "10000", "Requests that ended and can still be asked for"),
  keepBytes: withDefault(
    kinds.kept,
    "64MiB",
    "The most bytes of results and errors that are kept, and again of dead letters"
  ),
  keepFor: withDefault(kinds.time(0), "10m", "How long they can"),
  record: optional(
    kinds.path("FILE"),
    "none",
    "Write down what the load is made of: when requests come, how long they run and how they end, and nothing of what they are about"
  ),
  recordMaxBytes: optional(kinds.recorded, "256MiB", "With a recording: the most bytes of it; the oldest are given up"),
  recordKeys: optional(
    kinds.recordKeys,
    "hashed",
    "With a recording: keys as hashes that nobody can undo, or as they are"
  ),
  advice: optional(
    kinds.yes,
    "false",
    "Keep the load of the last hour in memory, and advise settings for it at GET /pool/advice"
  ),
  adviceTarget: optional(
    kinds.targets,
    "p99(wait) within the waitTarget of adaptive",
    "With advice: what the settings are to keep"
  ),
  adviceAfter: optional(kinds.time(1), "5m", "With advice: how much of a load it has to know"),
  logFormat: withDefault(
    kinds.oneOf("auto", "pretty", "json"),
    "auto",
    "How logs are written; auto is pretty on a terminal"
  )
} satisfies Record<string, Setting<unknown>>

export type Settings = typeof settings
export type Name = keyof Settings
export type Values = { readonly [K in Name]: Settings[K] extends Setting<infer A> ? A : never }

export const names = Object.keys(settings) as ReadonlyArray<Name>
export const settingOf = (name: Name): Setting<unknown> => settings[name]
export const has = (name: Name, source: Source): boolean => settingOf(name).sources.includes(source)

/** `minWorkers` is `--min-workers`, and `WORKER_POOL_MIN_WORKERS`. */
export const flagOf = (name: Name): string => `--${settingOf(name).flag ?? kebab(name)}`
export const variableOf = (name: Name): string => `WORKER_POOL_${kebab(name).replaceAll("-", "_").toUpperCase()}`
export const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
