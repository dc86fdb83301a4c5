/** A pool of promises whose tasks do what the model says, and a ledger of all that its callers and tasks see. */
import { Clock, Duration, Effect } from "effect"
import {
  type CallOptions,
  type Attempt,
  NotBefore,
  type Options,
  type Pool,
  PoolError,
  type Ticket
} from "../../src/promise/index.ts"
import { make } from "../../src/promise/createPool.ts"
import type { PoolOf } from "../../src/promise/pool.ts"
import type { Core } from "../../src/internal/core.ts"
import type { End } from "../../src/Outcome.ts"

/**
 * What a task does. `gate` waits to be told; `deaf` and `hang` do not listen to their signal. Those that ask have other
 * requests of the same pool run: they wait for them, or (`leaves`) they do not. `later` asks to be called again, twice.
 */
export const behaviours = [
  "value",
  "steps",
  "gate",
  "sleep",
  "throws",
  "rejects",
  "thenable",
  "deaf",
  "hang",
  "asks",
  "asks-two",
  "passes-on",
  "asks-by-ticket",
  "asks-by-map",
  "leaves",
  "later"
] as const
export type Behaviour = (typeof behaviours)[number]

/** Whose request one of this key is, where tenants are told apart. */
export const tenantOf = (key: number): string | undefined => (key % 3 === 2 ? undefined : `t${key % 3}`)

/** What one call came to. */
export type Result = Exclude<End, "cancelled"> | "refused" | "gaveUp"

export class OwnError extends Error {}

export interface Gate {
  readonly resolve: (key: number) => void
  readonly reject: (error: unknown) => void
}

export class World {
  readonly pool: Pool
  readonly core: Core
  readonly clock: Clock.Clock
  /** Tasks at work now, and the most there ever were: those that only wait for others are not. */
  bodies = 0
  mostBodies = 0
  /** Of these, the ones that do not listen. */
  deaf = 0
  /** Those that wait for what they have asked for. */
  asking = 0
  readonly breaches: Array<string> = []
  readonly gates = new Map<number, Gate>()
  readonly results = new Map<number, Array<Result>>()
  readonly ended = new Map<number, Array<End>>()
  readonly tickets = new Map<number, Ticket<number>>()
  readonly callers = new Map<number, AbortController>()
  /** Signals of attempts that have not ended. */
  readonly running = new Map<number, AbortSignal>()
  /** What these fail with is what another request has ended with. */
  readonly passingOn = new Set<number>()
  /** How often those have said that it is too early. */
  private readonly postponed = new Map<number, number>()
  /** Of each tenant one runs at once. What tasks ask for is nobody's. */
  private readonly isFair: boolean
  private readonly atWork = new Set<string>()
  private lastPart = 100_000
  private free!: () => void
  readonly release = new Promise<void>((resolve) => (this.free = resolve))

  constructor(pool: Pool, core: Core, clock: Clock.Clock, isFair: boolean) {
    this.isFair = isFair
    this.pool = pool
    this.core = core
    this.clock = clock
    Object.defineProperty(core.events, "on", { value: true })
    core.events.publish = (event) => {
      if (event._tag !== "RequestEnded") return
      const key = Number(event.outcome.id)
      // Those that have no name of their own are inputs of a `map`.
      if (Number.isNaN(key)) return
      this.ended.set(key, [...(this.ended.get(key) ?? []), event.outcome.end])
    }
  }

  freeAll(): void {
    this.free()
  }

  /** A call of that key; it is in the ledger when it is over. */
  async ask(key: number, behaviour: Behaviour, options: CallOptions = {}): Promise<number> {
    return this.recorded(key, this.pool.run(this.task(key, behaviour), { ...options, id: String(key) }), options.signal)
  }

  recorded(key: number, call: Promise<number>, signal?: AbortSignal): Promise<number> {
    const told = (result: Result) => this.results.set(key, [...(this.results.get(key) ?? []), result])
    call.then(
      () => told("succeeded"),
      (error) => told(resultOf(error, signal))
    )
    return call
  }

  /** Two attempts of a request never run at once, and never more than the pool may run. */
  task(key: number, behaviour: Behaviour): (attempt: Attempt) => number | Promise<number> {
    return (attempt) => {
      if (this.running.has(key)) this.breaches.push(`two attempts of request ${key} run at once`)
      if (attempt.id !== String(key)) this.breaches.push(`request ${key} is told that it is ${attempt.id}`)
      if (attempt.signal.aborted) this.breaches.push(`request ${key} begins with a signal that is aborted`)
      this.running.set(key, attempt.signal)
      this.come(behaviour)
      const tenant = this.isFair && key < 100_000 ? tenantOf(key) : undefined
      if (tenant !== undefined && this.atWork.has(tenant)) this.breaches.push(`two of tenant ${tenant} run at once`)
      if (tenant !== undefined) this.atWork.add(tenant)
      const end = () => {
        if (tenant !== undefined) this.atWork.delete(tenant)
        this.running.delete(key)
        this.bodies--
        if (isDeaf(behaviour)) this.deaf--
      }
      let given: number | Promise<number>
      try {
        given = this.body(key, behaviour, attempt)
      } catch (error) {
        end()
        throw error
      }
      if (typeof given === "number" || !(given instanceof Promise)) {
        end()
        return given
      }
      // A body of the pool's own class is handed on as it is: that is what passes a wait on.
      if (behaviour === "passes-on") {
        end()
        return given
      }
      return given.finally(end)
    }
  }

  private come(behaviour: Behaviour): void {
    this.bodies++
    if (isDeaf(behaviour)) this.deaf++
    this.measure()
  }

  private measure(): void {
    this.mostBodies = Math.max(this.mostBodies, this.bodies)
  }

  /** A body that waits for all of its parts is not at work. */
  private async waiting<A>(wait: () => Promise<A>): Promise<A | undefined> {
    this.asking++
    this.bodies--
    try {
      return await wait()
    } catch {
      return undefined
    } finally {
      this.asking--
      this.bodies++
      this.measure()
    }
  }

  private sleep(millis: number): Promise<void> {
    return Effect.runPromise(this.clock.sleep(Duration.millis(millis)))
  }

  private part(): readonly [number, Behaviour] {
    const key = ++this.lastPart
    const among = ["value", "asks", "sleep", "rejects", "asks-by-map", "steps", "passes-on", "asks-by-ticket"] as const
    return [key, this.asking > 6 ? "steps" : among[key % among.length]!]
  }

  private body(key: number, behaviour: Behaviour, { signal }: Attempt): number | Promise<number> {
    switch (behaviour) {
      case "value":
        return key
      case "throws":
        throw new OwnError("no")
      case "rejects":
        return Promise.reject(new OwnError("no"))
      case "steps":
        return steps(key)
      case "thenable":
        // oxlint-disable-next-line unicorn/no-thenable -- that is what it is
        return { then: (resolve: (value: number) => void) => void resolve(key) } as unknown as number
      case "gate":
        return new Promise((resolve, reject) => {
          this.gates.set(key, { resolve, reject })
          signal.addEventListener("abort", () => reject(signal.reason), { once: true })
        })
      case "sleep":
        return new Promise((resolve, reject) => {
          void this.sleep((key * 7) % 40).then(() => resolve(key))
          signal.addEventListener("abort", () => reject(signal.reason), { once: true })
        })
      case "deaf":
        return this.sleep(60).then(() => key)
      case "hang":
        return this.release.then(() => key)
      case "asks":
        return this.waiting(() => this.ask(...this.part())).then(() => key)
      case "asks-two":
        return this.waiting(() => Promise.allSettled([this.ask(...this.part()), this.ask(...this.part())])).then(
          () => key
        )
      case "passes-on": {
        this.passingOn.add(key)
        const [part] = this.part()
        return this.pool.run(() => part, { id: String(part) })
      }
      case "asks-by-ticket":
        return this.byTicket(signal).then(() => key)
      case "asks-by-map":
        return this.waiting(() => this.byMap()).then(() => key)
      case "later": {
        const times = (this.postponed.get(key) ?? 0) + 1
        this.postponed.set(key, times)
        const at = (["tag", "key", "pool", "api", "tenant", "nobody"] as const)[(key + times) % 6]!
        if (times < 3) throw new NotBefore((key * 5) % 30, { at, countsAsAttempt: key % 4 === 0 })
        return key
      }
      case "leaves":
        // Nobody waits for its end, nor, where there is room, for its place.
        if (this.core.queue.hasRoom) void this.leave(++this.lastPart)
        return steps(key)
    }
  }

  private leave(key: number): Promise<unknown> {
    return this.pool.submit(this.task(key, "steps"), { id: String(key) }).catch(() => {})
  }

  private async byTicket(signal: AbortSignal): Promise<void> {
    const key = ++this.lastPart
    await this.waiting(async () => {
      const ticket = await this.pool.submit(this.task(key, "steps"), { id: String(key), signal })
      await this.recorded(key, ticket.result, signal)
    })
  }

  private async byMap(): Promise<void> {
    for await (const _ of this.pool.map([1, 2, 3], (n) => steps(n), { outstanding: 2 }));
  }
}

const isDeaf = (behaviour: Behaviour): boolean => behaviour === "hang" || behaviour === "deaf"

const steps = async (key: number): Promise<number> => {
  for (let left = key % 4; left > 0; left--) await undefined
  return key
}

/** What a caller's error says about the request. */
export const resultOf = (error: unknown, signal?: AbortSignal): Result => {
  if (error instanceof OwnError) return "failed"
  if (signal?.aborted === true && error === signal.reason) return "gaveUp"
  if (!(error instanceof PoolError)) return "failed"
  switch (error.code) {
    case "REQUEST_TIMEOUT":
      return "timedOut"
    case "REQUEST_EXPIRED":
      return (error as unknown as { phase: string }).phase === "blocked" ? "gaveUp" : "expired"
    case "REQUEST_EVICTED":
      return "evicted"
    case "REQUEST_CANCELLED":
      return "gaveUp"
    case "REQUEST_INTERRUPTED":
      return "interrupted"
    default:
      return "refused"
  }
}

export const makeWorld = (options: Options, isFair: boolean) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const held = Object.assign(Object.create(clock) as Clock.Clock, { hold: () => {}, release: () => {} })
    const pool = (yield* make({ ...options, idPrefix: "input " }, () => held)) as PoolOf<{}>
    const { core } = (pool as unknown as { readonly parts: { readonly door: { readonly core: Core } } }).parts.door
    return new World(pool, core, clock, isFair)
  })
