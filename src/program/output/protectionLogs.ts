/** Tells the log when what protects a pool takes something away from callers: a circuit breaker is open, or the pool is overloaded. */
import { Clock, Effect, type Scope } from "effect"
import type { PoolSnapshot, WorkerPool } from "../../index.ts"

const lookMillis = 1000
/** After a line the next one of the same breakers, or of overload, comes no sooner: what comes and goes all the time fills no log. */
const quietMillis = 10_000

/**
 * One warning when a breaker of a type opens and when none of them is open any more, when overload begins and when it has ended. It
 * looks at the pool each second: for whoever hears events the pool makes one of each request. Where there is nothing to see, it does not look.
 */
export const tell = (pool: WorkerPool.WorkerPool["Service"]): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const first = yield* pool.snapshot
    const watched: Array<Watched> = []
    for (const [name, { breaker }] of Object.entries(first.limits)) {
      if (breaker !== undefined) watched.push(new Watched(breakersOf(name), first))
    }
    if (first.overloaded !== undefined) watched.push(new Watched(overload, first))
    if (watched.length === 0) return
    const look = Effect.gen(function* () {
      const snapshot = yield* pool.snapshot
      const now = yield* Clock.currentTimeMillis
      for (const one of watched) {
        const line = one.look(snapshot, now)
        if (line !== undefined) yield* Effect.logWarning(line)
      }
    })
    yield* Effect.forever(Effect.delay(look, lookMillis)).pipe(
      Effect.annotateLogs({ pool: pool.name }),
      Effect.forkScoped
    )
  })

type Snapshot = PoolSnapshot.PoolSnapshot

interface Protection {
  readonly isOn: (now: Snapshot) => boolean
  readonly begun: (now: Snapshot) => string
  readonly over: (began: Snapshot, now: Snapshot, seconds: number) => string
  /** It was on and is off again, and of neither was anything told. */
  readonly passed: (last: Snapshot, now: Snapshot) => string | undefined
}

class Watched {
  private readonly of: Protection
  private isOn = false
  /** What was seen when a line was told last; at first, what was seen at first. */
  private last: Snapshot
  private toldAt = -Infinity

  constructor(of: Protection, first: Snapshot) {
    this.of = of
    this.last = first
  }

  look(snapshot: Snapshot, now: number): string | undefined {
    if (now - this.toldAt < quietMillis) return undefined
    const line = this.lineOf(snapshot, now)
    if (line === undefined) return undefined
    this.isOn = this.of.isOn(snapshot)
    this.last = snapshot
    this.toldAt = now
    return line
  }

  private lineOf(snapshot: Snapshot, now: number): string | undefined {
    const { begun, isOn, over, passed } = this.of
    if (isOn(snapshot)) return this.isOn ? undefined : begun(snapshot)
    return this.isOn ? over(this.last, snapshot, Math.round((now - this.toldAt) / 1000)) : passed(this.last, snapshot)
  }
}

const breakersOf = (name: string): Protection => {
  const type = JSON.stringify(name.slice("breaker:".length))
  const countsOf = ({ limits }: Snapshot) => limits[name]!.breaker!
  const notClosed = (snapshot: Snapshot) => countsOf(snapshot).open + countsOf(snapshot).halfOpen
  const opened = (from: Snapshot, to: Snapshot) => countsOf(to).opened - countsOf(from).opened
  const which = (snapshot: Snapshot) =>
    countsOf(snapshot).per === "tag" ? `the circuit breaker of ${type}` : `a circuit breaker of a key of ${type}`
  return {
    isOn: (now) => notClosed(now) > 0,
    begun: (now) => {
      const many = notClosed(now)
      const are = many === 1 ? `${which(now)} is open` : `the circuit breakers of ${many} keys of ${type} are open`
      return `${are}: what is called there fails, and nothing but probes starts`
    },
    over: (began, now, seconds) => {
      const again = opened(began, now)
      return `no circuit breaker of ${type} is open any more, after ${seconds} s${again === 0 ? "" : ` in which one has opened ${timesOf(again)} more`}`
    },
    passed: (last, now) =>
      opened(last, now) === 0
        ? undefined
        : `${which(now)} has opened ${timesOf(opened(last, now))}, and is closed again`
  }
}

const timesOf = (times: number): string => (times === 1 ? "once" : `${times} times`)

const overload: Protection = {
  isOn: ({ overloaded }) => overloaded === true,
  begun: ({ waiting }) =>
    `overloaded (${waiting} requests wait now): the newest start first, and what has waited for too long is given up`,
  over: (began, now, seconds) =>
    `no longer overloaded, after ${seconds} s in which ${now.shed - began.shed} requests were given up`,
  // It lasts as long as something waits for too long.
  passed: () => undefined
}
