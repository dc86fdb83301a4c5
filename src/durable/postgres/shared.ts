/** What the sessions of one store share in one process. */
import { Effect } from "effect"
import type { PgBoss } from "pg-boss"
import type { PoolError } from "../../index.ts"
import { asked, type Connection, inTurn } from "./connection.ts"
import type { Listening } from "./listening.ts"
import { deadLetters, type Names, queueOf } from "./names.ts"

export interface Shared {
  readonly boss: PgBoss
  readonly connection: Connection
  readonly names: Names
  readonly listening: Listening
  /** What this process has, by id. */
  readonly held: Map<string, Held>
  readonly queues: Queues
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
  /** Grows with each request that is stored here. */
  readonly nextSequence: () => number
}

/** What is known of a claim here, beside what it says itself. */
export interface Held {
  /** The life of a process that has it. */
  readonly process: string
  readonly fence: number
  /** As PostgreSQL writes it. */
  readonly createdOn: string
  readonly sequence: number
  readonly storedAt: number
  /** When it was last asked to be kept, by `now`. For `claimMillis` from then on it is nobody else's. */
  keptAt: number
}

export interface Queues {
  /** Whether it is known here that a tag has its queue. */
  readonly has: (tag: string) => boolean
  /** The queues of these tags, which are there from now on. */
  readonly ensure: (
    tags: Iterable<string>,
    deliveries: number
  ) => Effect.Effect<Array<string>, PoolError.StoreUnavailable>
}

/** How long a request may wait, and an outcome may be kept: until we delete it ourselves. Some 30 years. */
const forEverSeconds = 1_000_000_000

export const makeQueues = (boss: PgBoss): Queues => {
  const there = new Set<string>()
  const create = Effect.fnUntraced(function* (name: string, options: Parameters<PgBoss["createQueue"]>[1]) {
    if (there.has(name)) return
    const found = yield* asked(() => boss.getQueue(name))
    if (found === null) yield* asked(() => boss.createQueue(name, options))
    there.add(name)
  })
  const common = {
    heartbeatSeconds: 10,
    retryDelay: 0,
    // The most that pg-boss takes.
    expireInSeconds: 86_400,
    retentionSeconds: forEverSeconds,
    // Never: it goes with its outcome.
    deleteAfterSeconds: 0
  }
  return {
    has: (tag) => there.has(queueOf(tag)),
    ensure: Effect.fnUntraced(function* (tags: Iterable<string>, deliveries: number) {
      const names = Array.from(tags, queueOf)
      if (names.every((name) => there.has(name))) return names
      yield* create(deadLetters, { ...common, retryLimit: 0 })
      // A table of its own: with those of others, statistics of one spoil the plans of the other.
      const options = { ...common, partition: true, retryLimit: deliveries - 1, deadLetter: deadLetters }
      yield* inTurn(names, (name) => create(name, options))
      return names
    })
  }
}
