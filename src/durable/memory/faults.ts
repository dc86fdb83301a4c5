/** What can go wrong with a store, for tests: it is away, its answers or notices are lost, it is slow, a process stands still. */
import { Clock, Effect, Latch } from "effect"
import { PoolError } from "../../index.ts"
import type { Notice } from "../Store.ts"

/** `answersLost`: each step happens, and fails as if it had not. `flaky`: of three steps one is as here, one as away, one's answer is lost. */
export type Reach = "here" | "away" | "answersLost" | "flaky"

interface Ear {
  readonly process: string
  readonly hear: (notice: Notice) => void
}

interface Frozen {
  readonly latch: Latch.Latch
  readonly unheard: Array<() => void>
}

/** Nothing goes wrong until somebody says so. */
export class Faults {
  private reach: Reach = "here"
  private steps = 0
  private noticesAreLost = false
  private before = 0
  private after = 0
  private readonly frozen = new Map<string, Frozen>()
  private readonly ears = new Set<Ear>()
  private readonly clock: Clock.Clock

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  /** From now on. Whoever listens is told `Missed` once it is here again. */
  setReach(reach: Reach): void {
    const wasAway = this.reach === "away"
    this.reach = reach
    if (wasAway && reach !== "away") this.tell({ _tag: "Missed" })
  }

  loseNotices(lost: boolean): void {
    this.noticesAreLost = lost
  }

  /** From now on each step takes so many milliseconds until it happens, and so many from there on. */
  setPace(before: number, after: number): void {
    this.before = before
    this.after = after
  }

  /** Stops a process as a signal would: its steps wait, and so do notices for it. One that is never thawed has crashed. */
  freeze(process: string): void {
    if (!this.frozen.has(process)) this.frozen.set(process, { latch: Latch.makeUnsafe(), unheard: [] })
  }

  thaw(process: string): void {
    const frozen = this.frozen.get(process)
    this.frozen.delete(process)
    frozen?.latch.openUnsafe()
    for (const hear of frozen?.unheard ?? []) hear()
  }

  isFrozen(process: string): boolean {
    return this.frozen.has(process)
  }

  /** Until this process goes on. */
  whileFrozen(process: string): Effect.Effect<void> {
    return Effect.suspend(() => this.frozen.get(process)?.latch.await ?? Effect.void)
  }

  get isReachable(): boolean {
    return this.reach === "here"
  }

  /** One step of a process. It happens at once and whole where nothing goes wrong. */
  step<A>(process: string, happens: () => A): Effect.Effect<A, PoolError.StoreUnavailable> {
    return Effect.suspend(() => {
      const isCalm = this.reach === "here" && this.before + this.after === 0 && !this.frozen.has(process)
      return isCalm ? Effect.succeed(happens()) : this.disturbed(process, happens)
    })
  }

  private readonly disturbed = Effect.fnUntraced(function* <A>(this: Faults, process: string, happens: () => A) {
    yield* this.whileFrozen(process)
    yield* this.sleep(this.before)
    const reach = this.reach === "flaky" ? turns[this.steps++ % turns.length]! : this.reach
    if (reach === "away") return yield* away()
    const answer = happens()
    yield* this.sleep(this.after)
    yield* this.whileFrozen(process)
    return reach === "answersLost" || this.reach === "away" ? yield* away() : answer
  })

  private sleep(millis: number): Effect.Effect<void> {
    return millis === 0 ? Effect.void : Effect.provideService(Effect.sleep(millis), Clock.Clock, this.clock)
  }

  /** Calls back with each notice until the scope ends. */
  listen(process: string, hear: (notice: Notice) => void) {
    const ear = { process, hear }
    return Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => this.ears.add(ear)),
        () => Effect.sync(() => this.ears.delete(ear))
      )
    )
  }

  /** To all that listen, later than what has caused it. */
  tell(notice: Notice): void {
    if (this.noticesAreLost || this.reach === "away") return
    for (const ear of this.ears) {
      const hear = () => void (this.ears.has(ear) && ear.hear(notice))
      queueMicrotask(() => {
        const frozen = this.frozen.get(ear.process)
        if (frozen === undefined) hear()
        else frozen.unheard.push(hear)
      })
    }
  }
}

const turns: ReadonlyArray<Reach> = ["here", "away", "answersLost"]

const away = () => new PoolError.StoreUnavailable({ reason: "away", detail: "the store in memory is made to be away" })
