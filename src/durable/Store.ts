/**
 * Where durable requests are: what a pool asks of a store, whichever it is. All dates are the store's own clock's.
 *
 * A request is `waiting`, `delayed` (not due yet), `claimed` by one process, or it has ended with one outcome. Each step here is one
 * transaction: it has happened whole, or not at all.
 */
import { Context, type Effect, type Scope } from "effect"
import type { Outcome, PoolError } from "../index.ts"

/** A store. `Durable.layerPostgres`, `layerEmbedded` and `layerMemory` provide one. */
export class Store extends Context.Service<
  Store,
  {
    /** What kind of store it is, for logs and pages. */
    readonly kind: "memory" | "embedded" | "postgres"
    /** Takes part in it, as one process, until the scope ends. What it still holds then is delivered again, later. */
    readonly join: (member: Member) => Effect.Effect<Session, PoolError.StoreUnavailable, Scope.Scope>
  }
>()("effect-worker-pool/Durable/Store") {}

/** One life of one process that takes part. */
export interface Member {
  /** A UUID of its own. */
  readonly id: string
  /** The name of its pool. */
  readonly pool: string
  readonly host: string
  readonly pid: number
  /** Whether it asks, works, or both. */
  readonly role: "client" | "worker" | "both"
  /** The tags that it serves, or may ask for. Each has its line in the store from now on. */
  readonly tags: ReadonlyArray<string>
  /** How often a request may be delivered before it ends with `DeliveriesExhausted`. At least 1. */
  readonly deliveries: number
  /** How long ends are kept, in milliseconds. */
  readonly keepOutcomesMillis: number
}

/** A request as it is stored. Everything in it is JSON. */
export interface NewRequest {
  /** A UUID. One that is stored already, or whose end is still kept, is not stored again. */
  readonly id: string
  readonly tag: string
  readonly payload: unknown
  /** From -10 to 10, higher first. */
  readonly priority: number
  /** Whose it is; `""`: nobody's. */
  readonly key: string
  /** From now on, until it may start. */
  readonly delayMillis: number
  /** By the clock of the store, from when on it may start, in milliseconds since 1970; `undefined`: what `delayMillis` says. */
  readonly startAtEpochMillis?: number
  /** From now on, in every phase; `undefined`: for ever. */
  readonly expiresInMillis: number | undefined
  /** What the call itself said of its attempts, for the pool that runs it. */
  readonly call: CallRecord
  /** The trace that it is part of, as in W3C's Trace Context. */
  readonly traceparent: string | undefined
  /** Of the dead letter that it repeats. */
  readonly resubmittedFrom: string | undefined
  /** Tells one payload from another where the id comes from a caller's key. */
  readonly fingerprint: string | undefined
}

/** Options of a call that can be written down. */
export interface CallRecord {
  /** `null`: for ever. */
  readonly timeoutMillis?: number | null
  /** `null`: none. */
  readonly retry?: RetryRecord | null
}

/** A `RetryPolicy` without functions. */
export interface RetryRecord {
  readonly times: number
  readonly baseMillis: number
  readonly factor: number
  readonly capMillis: number
  readonly jitter: "full" | "none"
  readonly failures: boolean
  readonly timeouts: boolean
  readonly defects: boolean
}

/** A request that this process has, until it settles it, gives it back, or its claim lapses. */
export interface Claim {
  readonly request: NewRequest
  /** What tells this claim from an earlier or a later one of the same request. */
  readonly fence: number
  /** How often it was delivered, this time included. */
  readonly deliveries: number
  /** Attempts of the deliveries before that were given back. */
  readonly attempts: number
  /** Milliseconds since it was stored. */
  readonly storedForMillis: number
  /** Milliseconds that are left to it; `undefined`: any number. */
  readonly leftMillis: number | undefined
}

/** How a request ended. */
export interface EndRecord {
  readonly id: string
  readonly tag: string
  readonly end: Outcome.End
  /** Its `Exit`, encoded as JSON text: see `exits.ts`. */
  readonly exit: string
  readonly attempts: number
  readonly deliveries: number
  readonly waitedMillis: number
  readonly ranMillis: number
  readonly resubmittedFrom: string | undefined
}

/** A claim that is given back. It waits again, behind what waits. */
export interface Return {
  readonly claim: Claim
  /** From now on, until it may start again. */
  readonly delayMillis: number
  /** Attempts so far, those of earlier deliveries included. */
  readonly attempts: number
  /** Whether this delivery counts: one that never began does not. */
  readonly counts: boolean
}

/** A request as it stands in the store. */
export interface RequestRecord {
  readonly request: NewRequest
  readonly state: "waiting" | "delayed" | "claimed" | "ended"
  /** How often it was delivered. */
  readonly deliveries: number
  /** The process that has it, or had it last. */
  readonly process: string | undefined
  /** Milliseconds since 1970. */
  readonly storedAt: number
  readonly claimedAt: number | undefined
  readonly endedAt: number | undefined
  /** From when on it may start, in milliseconds since 1970. */
  readonly dueAt: number
  readonly expiresAt: number | undefined
  /** Once it has ended. */
  readonly end: EndRecord | undefined
  /** Whether it is a dead letter: ended failed or timed out, and neither sent again nor discarded. */
  readonly isDead: boolean
}

/** Which requests. What is not set is not asked. */
export interface Query {
  readonly tag?: string | undefined
  readonly key?: string | undefined
  /** In this state, or with this end; `"dead"`: the dead letters. */
  readonly state?: RequestRecord["state"] | Outcome.End | "dead" | undefined
  /** Stored before this one: the last one of the page before. */
  readonly before?: { readonly storedAt: number; readonly id: string } | undefined
  /** From 1 to 1,000. */
  readonly limit: number
}

/**
 * The counts of the whole store, taken in one query. The law: `stored = waiting + delayed + claimed + the seven ends`. What was stored
 * and what ended are counted as it happens, and the others by looking.
 */
export interface Counts extends Readonly<Record<Outcome.End, number>> {
  readonly stored: number
  readonly waiting: number
  readonly delayed: number
  readonly claimed: number
  /** How long the oldest one that waits has waited, in milliseconds; 0: none does. */
  readonly oldestMillis: number
  /** By tag. */
  readonly tags: Readonly<
    Record<string, { readonly waiting: number; readonly delayed: number; readonly claimed: number }>
  >
}

/** What waits for some tags. It is looked at no further than `mostCounted`. */
export interface Backlog {
  readonly waiting: number
  readonly oldestMillis: number
}

/** A backlog that is larger is told as this. */
export const mostCounted = 10_001

/** One process that takes part, or took part a short while ago. */
export interface ProcessRecord extends Member {
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly seenAt: number
  /** Whether it was heard of within the last `deadAfterMillis`, and has not left. */
  readonly live: boolean
  /** When it left of its own will. */
  readonly leftAt: number | undefined
  /** What it last said of itself: JSON. */
  readonly says: unknown
}

/** What a process hears at a beat. */
export interface Beat {
  /** Processes that are live and serve any tag of this one's, itself included. */
  readonly workers: number
  /** One of the others has gone without leaving. What it has will be delivered again: `redeliver`. */
  readonly hasMissing: boolean
  /** What is paused in the whole cluster. */
  readonly pauses: ReadonlyArray<Pause>
}

/** Of a tag, of a key, or `{}`: of all. */
export type Pause =
  | { readonly tag?: string | undefined; readonly key?: undefined }
  | { readonly key: string; readonly tag?: undefined }

/**
 * The most characters of a payload, or of an exit, that a store is given, and of all that go into one step: some seconds on a slow one. What
 * takes longer than a step may take would be tried for ever, and others with it.
 */
export const mostText = 32_000_000
/** Whether it may start at once, by a clock that shows so much. */
export const startsAtOnce = (request: Pick<NewRequest, "delayMillis" | "startAtEpochMillis">, now: number): boolean =>
  request.startAtEpochMillis === undefined ? request.delayMillis <= 0 : request.startAtEpochMillis <= now

/** A longer time than this, some 30 years, is as good as this. */
export const longestMillis = 1e12

/** A claim that was not touched for so long has lapsed. */
export const claimMillis = 10_000
/** A process that was not heard of for so long is missing: two of its beats are. It is looked for what it had, no more. */
export const deadAfterMillis = 6_000

/** What the store tells, to whoever takes part. It may be lost: whoever needs to know looks now and then. */
export type Notice =
  /** There is something to claim. */
  | { readonly _tag: "Work"; readonly tags: ReadonlyArray<string> }
  | { readonly _tag: "Ended"; readonly ids: ReadonlyArray<string> }
  /** Ended by somebody else than its owner, who is to stop. It is `Ended` as well. */
  | { readonly _tag: "Revoked"; readonly ids: ReadonlyArray<string> }
  | { readonly _tag: "Paused" }
  /** Anything may have been told meanwhile, and was not heard. */
  | { readonly _tag: "Missed" }

/** Any statement of it may fail because the store is away: then nothing has happened, or it is harmless to repeat it. */
type Step<A> = Effect.Effect<A, PoolError.StoreUnavailable>

/** One process's part in the store. All of it may be used from any number of fibers. */
export interface Session {
  /** Stores them, in their order. Answers for each whether it was `stored`, or is `known` already. */
  readonly insert: (requests: ReadonlyArray<NewRequest>) => Step<ReadonlyArray<"stored" | "known">>
  /** The same as part of a transaction of the caller's: it is there when that commits. */
  readonly insertIn: (transaction: Transaction, request: NewRequest) => Step<"stored" | "known">
  /** Takes at most so many that are due, of these tags: by priority, then the oldest. Each counts as a delivery. */
  readonly claim: (tags: ReadonlyArray<string>, most: number) => Step<ReadonlyArray<Claim>>
  /** Records their ends, each of another request. Answers the ids of those that were still this process's to end. */
  readonly settle: (ends: ReadonlyArray<{ readonly claim: Claim; readonly record: EndRecord }>) => Step<Ids>
  /** Gives them back, each another request. Answers the ids of those that were still this process's to give. */
  readonly giveBack: (returns: ReadonlyArray<Return>) => Step<Ids>
  /** Keeps these claims for another `claimMillis`. Answers the ids of those that it still has. */
  readonly touch: (claims: ReadonlyArray<Claim>) => Step<Ids>
  /** Says that this process lives, and `says` of itself: it goes to `processes`. */
  readonly beat: (says: unknown) => Step<Beat>
  /** Makes lapsed claims wait again; ends those that were delivered too often. To be called while one's own beats come through. */
  readonly redeliver: Step<void>
  /** Ends what is overdue, forgets ends that are too old, keeps the tables in order. Cheap where there is nothing to do. */
  readonly maintain: Step<void>
  /**
   * Ends those that have not ended, whoever has them. Answers for each that it ended where it was. Their deliveries, and how long they
   * have waited, are the store's to say.
   */
  readonly revoke: (ends: ReadonlyArray<EndRecord>) => Step<ReadonlyMap<string, "waiting" | "delayed" | "claimed">>
  readonly ends: (ids: ReadonlyArray<string>) => Step<ReadonlyArray<EndRecord>>
  readonly find: (id: string) => Step<RequestRecord | undefined>
  /** The newest first. */
  readonly list: (query: Query) => Step<ReadonlyArray<RequestRecord>>
  /** Takes a dead letter out of the list of dead letters. Whether it was one. */
  readonly discard: (id: string) => Step<boolean>
  /** Of one that waits. `false`: it does not. */
  readonly setPriority: (id: string, priority: number) => Step<boolean>
  readonly counts: Step<Counts>
  readonly backlog: (tags: ReadonlyArray<string>) => Step<Backlog>
  /** Adds a pause, or takes it away, in the whole cluster. */
  readonly setPause: (pause: Pause, paused: boolean) => Step<void>
  readonly processes: Step<ReadonlyArray<ProcessRecord>>
  /** Calls back with each notice until the scope ends. The listener must be quick. */
  readonly listen: (listener: (notice: Notice) => void) => Effect.Effect<void, never, Scope.Scope>
}

type Ids = ReadonlySet<string>

/** A transaction of the caller's: it runs a statement of PostgreSQL's dialect, with `$1` for its values. */
export interface Transaction {
  /** Its rows are objects, by the names of their columns. */
  readonly executeSql: (text: string, values?: Array<unknown>) => Promise<{ readonly rows: Array<any> }>
}
