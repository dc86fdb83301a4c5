/** Some of a pool's requests: how to say which, and what is told of each. */
import type { State } from "./CircuitBreaker.ts"
import type { Phase } from "./PoolError.ts"

/** Which requests: those that fit everything that is set. Without anything: all. */
export interface Filter {
  /** Of this request tag; `"run"`: those of `run`. */
  readonly tag?: string | undefined
  /** Of this key; `""`: those without one. */
  readonly key?: string | undefined
  /** In this phase. */
  readonly phase?: Phase | undefined
  /** Those of which it says so. It must be quick; what it throws fails the call as a defect. */
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
  /** Where it is. */
  readonly phase: Phase
  /** Attempts that were started so far. */
  readonly attempts: number
  /** How long it has been in that phase, in milliseconds. */
  readonly millis: number
  /** What it waits at: the name of a limit, or `"pool"`, `"tag"` or `"key"` for a pause or a time not yet come. */
  readonly heldBackBy: string | undefined
  /** Of one that is `delayed`, in how many milliseconds it may start: for the first time or, after a failure, again. */
  readonly startsInMillis: number | undefined
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
  /** Requests between two attempts. */
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
