/** One call that recurs: it waits for its ticks, and asks its pool for what each of them is for. */
import { Cause, Clock, DateTime, Effect, Exit, Latch, Random } from "effect"
import type { Connection } from "../internal/recurringPools.ts"
import type { End } from "../Outcome.ts"
import type { PoolEvent } from "../PoolEvent.ts"
import type { Ticket } from "../Ticket.ts"
import type { WorkerPool } from "../WorkerPool.ts"
import type { Settings } from "./options.ts"

/** What has become of a tick. */
export type TickResult = Extract<PoolEvent, { readonly _tag: "Ticked" }>["result"]

/** How it goes with one call that recurs. */
export interface RecurringView {
  readonly name: string
  readonly pool: string
  /** `stopped`: its pool takes nothing any more, its schedule has ended, or its scope has. */
  readonly state: "ticking" | "stopped"
  /** For when the next tick is planned, in milliseconds since 1970, without its jitter. */
  readonly nextEpochMillis: number | undefined
  /** The last tick of which something has become, and what. One that waits is not among them yet. */
  readonly last:
    | { readonly atEpochMillis: number; readonly result: TickResult; readonly id: string | undefined }
    | undefined
  /** How the last of its requests that has ended did. */
  readonly lastEnd: End | undefined
  /** Its requests that have not ended. */
  readonly pending: number
  /** Ticks that wait until the request of an earlier one has ended, with `overlap: "queue"`. */
  readonly waiting: number
  /** Ticks that have asked for a request. */
  readonly asked: number
  /** Ticks that have asked for none since an earlier one's had not ended, and as many waited as may. */
  readonly skipped: number
  /** Ticks that nobody was there for. After a very long sleep there may have been more. */
  readonly missed: number
  /** Ticks whose request was refused: they are not tried again. */
  readonly refused: number
  /** Requests that were cancelled for a later tick. */
  readonly replaced: number
}

/** So long a change of the wall clock is noticed after at most. A tick that is later than this was missed. */
const longestSleep = 60_000
/** So many missed ticks are counted: to find one takes up to 0.2 ms. */
const mostCounted = 100

export class Clockwork {
  private readonly pool: WorkerPool["Service"]
  private readonly connection: Connection
  private readonly settings: Settings
  private readonly pending = new Set<Ticket<unknown, unknown>>()
  /** The instants of ticks that wait for an earlier one, the oldest first. */
  private readonly waiting: Array<number> = []
  /** Open while none of its requests is there. */
  private readonly isFree = Latch.makeUnsafe(true)
  private readonly counts = { asked: 0, skipped: 0, missed: 0, refused: 0 }
  private replaced = 0
  private next: number | undefined = undefined
  private last: RecurringView["last"] = undefined
  private lastEnd: End | undefined = undefined
  private isStopped = false
  /** Until then the last asking took, if it took any time. */
  private freeSince = -Infinity

  constructor(pool: WorkerPool["Service"], connection: Connection, settings: Settings) {
    this.pool = pool
    this.connection = connection
    this.settings = settings
  }

  get view(): RecurringView {
    const isStopped = this.isStopped || !this.connection.isOpen()
    return {
      name: this.settings.name,
      pool: this.pool.name,
      state: isStopped ? "stopped" : "ticking",
      nextEpochMillis: isStopped ? undefined : this.next,
      last: this.last,
      lastEnd: this.lastEnd,
      pending: this.pending.size,
      waiting: isStopped ? 0 : this.waiting.length,
      ...this.counts,
      replaced: this.replaced
    }
  }

  /** Until its ticks, its pool or its scope come to an end. */
  readonly run: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const { jitterMillis, missed, ticks } = this.settings
    this.next = yield* ticks.after(yield* Clock.currentTimeMillis)
    while (this.next !== undefined) {
      let tick: number = this.next
      const jitter = jitterMillis === 0 ? 0 : Math.floor((yield* Random.next) * jitterMillis)
      if (!(yield* this.sleepUntil(tick + jitter))) return
      const now = yield* Clock.currentTimeMillis
      this.next = yield* ticks.after(tick)
      // What comes next is always later than what has been: a clock that is set back makes no tick come twice.
      for (let counted = 1; this.next !== undefined && this.next + jitter <= now; counted++) {
        this.came(tick, "missed")
        tick = counted < mostCounted ? this.next : ticks.jump(this.next, now - jitter)
        this.next = yield* ticks.after(tick)
      }
      const isLate = now - tick > longestSleep + jitterMillis || tick + jitter < this.freeSince
      if (isLate && missed === "skip") this.came(tick, "missed")
      else if (!(yield* this.tick(tick))) return
    }
    // The last ticks of a schedule may wait.
    while (this.waiting.length > 0) if (!(yield* this.sleepUntil(Infinity))) return
  }).pipe(Effect.ensuring(Effect.sync(() => (this.isStopped = true))))

  /**
   * In steps, so that a wall clock that is set is noticed; meanwhile it asks for ticks that wait, and returns at once when the last of them has asked
   * and there is no time to wait for. `false`: the pool takes nothing any more.
   */
  private readonly sleepUntil = Effect.fnUntraced(function* (this: Clockwork, epochMillis: number) {
    for (;;) {
      if (!this.connection.isOpen()) return false
      if (this.waiting.length > 0 && this.pending.size === 0) {
        if (!(yield* this.asks(this.waiting.shift()!))) return false
        continue
      }
      if (epochMillis === Infinity && this.waiting.length === 0) return true
      const left = epochMillis - (yield* Clock.currentTimeMillis)
      if (left <= 0) return true
      const sleep = Effect.sleep(Math.min(left, longestSleep))
      yield* this.waiting.length === 0 ? sleep : Effect.raceFirst(this.isFree.await, sleep)
    }
  })

  /** `false`: the pool takes nothing any more. */
  private readonly tick = Effect.fnUntraced(function* (this: Clockwork, at: number) {
    const { maxPending, overlap } = this.settings
    if (overlap === "replace") {
      for (const ticket of this.pending) if ((yield* ticket.cancel) !== "settled") this.replaced++
    } else if (this.pending.size > 0) {
      if (overlap === "queue" && this.waiting.length < maxPending) this.waiting.push(at)
      else this.came(at, "skipped")
      return true
    }
    return yield* this.asks(at)
  })

  /** The same. */
  private readonly asks = Effect.fnUntraced(function* (this: Clockwork, at: number) {
    const began = yield* Clock.currentTimeMillis
    const asked = yield* Effect.exit(Effect.suspend(() => this.ask(at)))
    const now = yield* Clock.currentTimeMillis
    if (now > began) this.freeSince = now
    if (Exit.isSuccess(asked)) {
      this.came(at, "asked", asked.value.id)
      this.watch(asked.value, Effect.runForkWith(yield* Effect.context<never>()))
      return true
    }
    const { cause } = asked
    if (cause.reasons.some((reason) => Cause.isFailReason(reason) && isDraining(reason.error))) return false
    this.came(at, "refused")
    yield* Effect.logWarning(`a tick of "${this.settings.name}" was refused`, cause)
    return true
  })

  private ask(at: number): Effect.Effect<Ticket<unknown, unknown>, unknown> {
    const tick = DateTime.makeUnsafe(at)
    const { options, payload, rpc } = this.settings.call(tick)
    // Each process asks for it; the store takes the first.
    const once = { id: undefined, primaryKey: `${this.settings.name}/${DateTime.formatIso(tick)}` }
    return this.pool.submit(
      rpc as never,
      payload as never,
      this.connection.isShared ? { ...options, ...once } : options
    )
  }

  private watch(ticket: Ticket<unknown, unknown>, log: (line: Effect.Effect<void>) => void): void {
    this.pending.add(ticket)
    this.isFree.closeUnsafe()
    ticket.onEnd(({ end, exit, id }) => {
      this.pending.delete(ticket)
      if (this.pending.size === 0) this.isFree.openUnsafe()
      this.lastEnd = end
      if (end === "succeeded" || end === "cancelled" || end === "interrupted") return
      // Nobody else hears of it.
      const line = `request ${id} of "${this.settings.name}" has ${end === "failed" ? "failed" : `ended ${end}`}`
      log(Effect.logWarning(line, Exit.isFailure(exit) ? exit.cause : Cause.empty))
    })
  }

  private came(atEpochMillis: number, result: TickResult, id?: string): void {
    this.counts[result]++
    this.last = { atEpochMillis, result, id }
    this.connection.publish({ _tag: "Ticked", name: this.settings.name, atEpochMillis, result })
  }
}

const isDraining = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "PoolDraining"
