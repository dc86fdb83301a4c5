/** Random programs around callers that wait: each runs as it does where they wait in `Effect.callback`. */
import { Effect, Exit, Fiber, Latch, Scheduler } from "effect"
import { expect, it } from "vitest"
import { Suspension } from "../../src/internal/suspension.ts"
import { randomOf } from "../support/random.ts"

type Program = Effect.Effect<unknown, unknown>

class Waiting extends Suspension {
  private readonly note: (what: string) => void
  private readonly byCallback: boolean
  private hasEnded = false
  private told: ((exit: Exit.Exit<unknown, unknown>) => void) | undefined = undefined
  readonly cleaned = Latch.makeUnsafe()

  constructor(byCallback: boolean, note: (what: string) => void) {
    super()
    this.byCallback = byCallback
    this.note = note
  }

  get wait(): Program {
    if (!this.byCallback) return Effect.withFiber((fiber) => this.suspend(fiber))
    return Effect.callback((resume) => {
      this.told = resume
      return this
    })
  }

  end(exit: Exit.Exit<unknown, unknown>): void {
    this.hasEnded = true
    if (this.byCallback) this.told?.(exit)
    else this.resume(exit)
  }

  /** What has ended needs no cleaning up. */
  asEffect(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.hasEnded) return Effect.void
      this.hasEnded = true
      this.note("cleans up")
      return this.cleaned.await
    })
  }
}

class Yielding extends Scheduler.MixedScheduler {
  yields = false

  override shouldYield(): boolean {
    return this.yields
  }

  readonly during = (run: () => void): void => {
    this.yields = true
    run()
    this.yields = false
  }
}

const fork = (program: Program) => Effect.forkChild(program, { startImmediately: true })
const turn = () => new Promise((resolve) => setImmediate(resolve))
const show = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit)
    ? String(exit.value)
    : exit.cause.reasons.map((reason) => (reason._tag === "Fail" ? String(reason.error) : reason._tag)).join()

/** What happens, in its order. */
const run = async (seed: number, byCallback: boolean): Promise<ReadonlyArray<string>> => {
  const { below, of } = randomOf(seed)
  const log: Array<string> = []
  const all: Array<Waiting> = []
  const wait = (): Program => {
    const name = all.length
    const waiting = new Waiting(byCallback, (what) => log.push(`${name} ${what}`))
    all.push(waiting)
    return waiting.wait
  }
  const program = (depth: number): Program => {
    if (depth <= 0) return wait()
    const inner = program(depth - 1)
    const note = (what: string) => Effect.sync(() => log.push(`${depth} ${what}`))
    const ways: ReadonlyArray<() => Program> = [
      () => Effect.map(inner, (value) => `${String(value)}.`),
      () => Effect.map(Effect.exit(inner), show),
      () => Effect.catchCause(inner, () => note("recovers")),
      () => Effect.onExit(inner, (exit) => note(show(exit))),
      () => Effect.onInterrupt(inner, () => note("interrupted")),
      () => Effect.uninterruptible(inner),
      () => Effect.interruptible(inner),
      () => Effect.uninterruptibleMask((restore) => Effect.andThen(restore(inner), note("masked"))),
      () =>
        Effect.acquireUseRelease(
          note("acquires"),
          () => inner,
          (_, exit) => note(`releases ${show(exit)}`)
        ),
      () => Effect.race(inner, program(depth - 2)),
      () => Effect.all([inner, program(depth - 2)], { concurrency: 2 }),
      () => Effect.andThen(inner, program(depth - 2)),
      () => Effect.flatMap(fork(inner), Fiber.join),
      () => Effect.andThen(fork(inner), program(depth - 2))
    ]
    return of(ways)()
  }
  const scheduler = new Yielding()
  const fiber = Effect.runFork(program(1 + below(8)), { scheduler })
  fiber.addObserver((exit) => log.push(`ends with ${show(exit)}`))
  for (let step = 0; step < 14; step++) {
    const waiting = of(all)
    const steps: ReadonlyArray<() => unknown> = [
      () => waiting.end(Exit.succeed(step)),
      () => waiting.end(Exit.fail(`failed ${step}`)),
      () => scheduler.during(() => waiting.end(Exit.succeed(step))),
      () => fiber.interruptUnsafe(),
      () => scheduler.during(() => fiber.interruptUnsafe()),
      () => waiting.cleaned.openUnsafe(),
      turn
    ]
    await of(steps)()
    log.push("")
  }
  while (fiber.pollUnsafe() === undefined) {
    for (const waiting of all) {
      waiting.cleaned.openUnsafe()
      waiting.end(Exit.succeed("last"))
    }
    await turn()
  }
  expect(all.filter(({ caller }) => caller !== undefined)).toEqual([])
  return log
}

it("of 1,000 programs each does what it does by callback", async () => {
  for (let seed = 1; seed <= 1_000; seed++)
    expect(await run(seed, false), `seed ${seed}`).toEqual(await run(seed, true))
})
