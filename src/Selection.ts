/** Some of a pool's requests: how to say which, and what is told of each. */
import type { Effect } from "effect"
import type { State } from "./CircuitBreaker.ts"
import type { End } from "./Outcome.ts"
import type { NestedWaitRefused, Phase } from "./PoolError.ts"

/** Which requests: those that fit everything that is set. Without anything: all. */
export interface Filter {
  /** Of this request tag; `"run"`: those of `run`. */
  readonly tag?: string | undefined
  /** Of this key; `""`: those without one. */
  readonly key?: string | undefined
  /** Of this group. */
  readonly group?: string | undefined
  /** In this phase. */
  readonly phase?: Phase | undefined
  /** Those of which it says so. It must be quick; what it throws, and an answer that is a promise, fails the call as a defect. */
  readonly where?: ((request: RequestView) => boolean) | undefined
}

/** One request as it stands now. */
export interface RequestView {
  /** The id of the call, or its number in the pool. */
  readonly id: string
  /** The tag of its Rpc, or `"run"`. */
  readonly tag: string
  /** Whose it is; `""`: nobody's. */
  readonly key: string
  /** From -10 to 10. */
  readonly priority: number
  /** What it belongs to, if it does to any. */
  readonly group?: string
  /** Where it is. */
  readonly phase: Phase
  /** Attempts that were started so far. */
  readonly attempts: number
  /** How long it has been in that phase, in milliseconds. */
  readonly millis: number
  /**
   * What it waits at: the name of a limit, or `"pool"`, `"tag"` or `"key"` for a pause or a time not yet come; `"batch"`: for others to
   * come along.
   */
  readonly heldBackBy: string | undefined
  /**
   * Of one that is `delayed`, in how many milliseconds it may start: for the first time or, after a failure, again. `undefined` of all
   * others, and of one that waits for the end of another.
   */
  readonly startsInMillis: number | undefined
}

/** How many of a group's requests have ended, by how they did. */
export interface GroupEnds extends Readonly<Record<End, number>> {}

/** What a group has in the pool, and what has become of the others. Callers that were refused, or have given up a place, are not in it. */
export interface GroupCounts extends GroupEnds {
  /** Callers that wait for a place. */
  readonly blocked: number
  /** Requests that wait for a worker, or at a gate. */
  readonly waiting: number
  /** Requests between two attempts, or not due yet. */
  readonly delayed: number
  /** Requests that run. */
  readonly running: number
}

/** A group of which none is left. */
export interface GroupReport extends GroupEnds {
  /** Its name. */
  readonly group: string
}

/** The requests of one group, of which there may be none yet. Whoever holds it keeps the counts. */
export interface Group {
  /** Its name. */
  readonly id: string
  /**
   * Waits until none of the group is left, and tells how all of them ended: at once where there is none. Interrupting this cancels nothing.
   * Within an attempt of the group it fails at once with `NestedWaitRefused`.
   */
  readonly awaitAll: Effect.Effect<GroupReport, NestedWaitRefused>
  /** Cancels every request of it, as `cancelAll` does, and answers how many. The others may run in between. */
  readonly cancel: Effect.Effect<number>
  /** What it has in the pool. It looks at each that has not ended. */
  readonly counts: Effect.Effect<GroupCounts>
}

/** Whose requests do not start until somebody says so: those of a tag, of a key, or to which a limit applies. */
export type Pausable =
  | { readonly tag: string; readonly key?: undefined; readonly limit?: undefined }
  | { readonly key: string; readonly tag?: undefined; readonly limit?: undefined }
  | { readonly limit: string; readonly tag?: undefined; readonly key?: undefined }

/** What one tag, or one key, has in the pool. */
export interface Waiters {
  /** The tag, or the key; `""`: requests without a key. */
  readonly name: string
  /** Callers that wait for a place. */
  readonly blocked: number
  /** Requests that wait for a worker, or at a gate. */
  readonly waiting: number
  /** Of them, those that wait at a closed gate. */
  readonly heldBack: number
  /** Requests between two attempts, or not due yet. */
  readonly delayed: number
  /** Attempts that keep a worker. */
  readonly running: number
}

/** One gate: a count of a limit, or a pause, or a time before which nothing starts. */
export interface GateView {
  /** What it is for. */
  readonly kind: "pool" | "tag" | "key" | "limit"
  /** The pool's name, the tag, the key, or the name of the limit. */
  readonly name: string
  /** Which of a limit's gates: the tag, the key, or the value of its function. */
  readonly of: string | undefined
  /** Somebody has paused it. */
  readonly paused: boolean
  /** What has passed and still counts. */
  readonly running: number
  /** Requests that wait at it. */
  readonly heldBack: number
  /** What it has let through since it was made. A gate that nobody needs is forgotten. */
  readonly started: number
  /** Where it is, if it is a circuit breaker. */
  readonly breaker?: State
  /** For how many milliseconds it has been there; not there where it was never anywhere else. */
  readonly breakerMillis?: number
  /** In how many milliseconds it opens; 0: it is open; `undefined`: when something ends, or somebody says so. */
  readonly opensInMillis: number | undefined
}
