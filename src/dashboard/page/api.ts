/** The service as the page sees it: what it answers, and how it is asked. */
import { signal } from "@preact/signals"

export interface Pool {
  readonly name: string
  readonly state: "open" | "draining" | "closed"
  readonly paused: boolean
  readonly policy: string
  readonly held: number | null
  readonly explain: string
  readonly bounds: { readonly minWorkers: number; readonly maxWorkers: number }
  readonly capacity: number | "unbounded"
  readonly requests: Readonly<Record<string, number>>
  /** It can be asked for advice. */
  readonly advice?: boolean
  /** Not there where there is none. */
  readonly recurring?: ReadonlyArray<Recurring>
  /** Where requests are stored. */
  readonly store?: Store
  readonly types: ReadonlyArray<{ readonly type: string; readonly example: unknown }>
  readonly version: string
}

/** The store, for all of its processes but where it says otherwise. */
export interface Store {
  readonly kind: string
  /** The id of the process that answers. */
  readonly process: string
  readonly away: boolean
  /** `null`: not known. */
  readonly requests: Readonly<Record<string, number>> | null
  readonly oldestWaitMillis: number | null
  /** Of the process that answers. */
  readonly held: number
  readonly unsettled: number
  readonly pauses: ReadonlyArray<Pause>
  readonly processes: ReadonlyArray<Process>
}

/** What starts in no process; `{}`: nothing does. */
export interface Pause {
  readonly type?: string
  readonly key?: string
}

export interface Process {
  readonly id: string
  readonly pool: string
  readonly host: string
  readonly pid: number
  readonly role: "client" | "worker" | "both"
  readonly live: boolean
  readonly workers: number | null
  readonly running: number | null
  readonly startedAt: string
  readonly seenAt: string
}

/** What one key has in the pool; `""`: requests without one. */
export interface Waiters {
  readonly name: string
  readonly blocked: number
  readonly waiting: number
  readonly heldBack: number
  readonly delayed: number
  readonly running: number
}

/** One count of a limit, or a pause, or a time before which nothing starts. */
export interface Gate {
  readonly kind: "pool" | "tag" | "key" | "limit"
  readonly name: string
  /** Which of a limit's gates. */
  readonly of?: string
  readonly paused: boolean
  readonly running: number
  readonly heldBack: number
  readonly started: number
  /** 0: it is open; null: when something ends, or somebody says so. */
  readonly opensInMillis: number | null
  /** How it stands, where it is a circuit breaker, and for how long. */
  readonly breaker?: "Closed" | "Open" | "HalfOpen"
  readonly breakerMillis?: number
}

/** A call that is made again and again. */
export interface Recurring {
  readonly name: string
  /** `null`: it comes no more. */
  readonly nextAt: string | null
  readonly last: { readonly at: string; readonly result: string } | null
}

/** What a change of the pool while it runs can set. */
export interface Levers {
  readonly policy: string
  readonly minWorkers: number
  readonly maxWorkers: number
}

/** Which settings would have kept the targets, and what they would have cost. */
export type Advice =
  | { readonly state: "computing" }
  | {
      readonly state: "ready"
      readonly at: string
      readonly load: { readonly requests: number; readonly seconds: number }
      readonly columns: ReadonlyArray<{
        readonly of: "reality" | "today" | "applied" | "recommended"
        /** `null`: they may have changed meanwhile. */
        readonly settings: Levers | null
        readonly workers: number
        readonly workerSeconds: number
        readonly targets: ReadonlyArray<{ readonly target: string; readonly shown: string; readonly kept: boolean }>
        readonly keeps: boolean
      }>
      /** `null`: there is nothing to change. */
      readonly patch: Levers | null
      readonly obstacles: ReadonlyArray<string>
      readonly file: string
    }

export interface Request {
  readonly id: string
  readonly type: string
  readonly state: string
  /** Not there while a stored one goes on. */
  readonly attempts?: number
  readonly waitedMillis?: number
  readonly ranMillis?: number
  readonly acceptedAt?: string
  readonly endedAt?: string
  /** Whatever the handler failed with, as JSON. */
  readonly error?: unknown
}

/** What the service answers when it refuses. `status` is 0 when there was no answer. */
export class Problem extends Error {
  readonly status: number
  readonly field: string | undefined

  constructor(status: number, message: string, field?: string) {
    super(message)
    this.status = status
    this.field = field
  }
}

/** Whether a token is needed, and was given; undefined until the service has said so. */
export const session = signal<{ readonly required: boolean; readonly loggedIn: boolean } | undefined>(undefined)

/** Fails with a `Problem`. Paths are relative, so that the page also works below a prefix. */
export const ask = async <A>(method: string, path: string, body?: unknown): Promise<A> => {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }
  const response = await fetch(path, { method, credentials: "same-origin", cache: "no-store", ...sent }).catch(() => {
    throw new Problem(0, "The service does not answer.")
  })
  const text = await response.text().catch(() => "")
  if (response.ok) return (text === "" ? undefined : JSON.parse(text)) as A
  if (response.status === 401 && path !== "session") session.value = { required: true, loggedIn: false }
  throw problemOf(response.status, text)
}

const problemOf = (status: number, text: string): Problem => {
  try {
    const { detail, field, title } = JSON.parse(text) as Record<string, string | undefined>
    return new Problem(status, detail ?? title ?? `The service answered ${status}.`, field)
  } catch {
    return new Problem(status, `The service answered ${status}.`)
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
