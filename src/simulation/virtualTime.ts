/** A world of its own time: a clock and a scheduler under which waiting costs nothing and every run is the same. */
import { Clock, Context, Duration, Effect, Exit, type Fiber, Scheduler } from "effect"

/** Something that happens at an instant. Of two for the same instant the one that was asked for first comes first. */
interface Wakeup {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

const nanosPerMilli = 1_000_000

/**
 * Discrete events: all tasks run until none is left, then time jumps to the next wake-up. It uses no promise and no timer
 * of the host. Instants are whole nanoseconds since the start; a run may last 104 days (2^53 ns).
 */
export class VirtualTime implements Clock.Clock {
  private nanos = 0
  private order = 0
  private tasks: Array<() => void> = []
  private readonly wakeups: Array<Wakeup> = []
  private readonly epochMillis: number
  private readonly scheduler: Scheduler.Scheduler

  constructor(epochMillis: number) {
    this.epochMillis = epochMillis
    this.scheduler = new Scheduler.MixedScheduler("async", (task) => {
      let isCancelled = false
      this.tasks.push(() => {
        if (!isCancelled) task()
      })
      return () => {
        isCancelled = true
      }
    })
  }

  /** Milliseconds since the start. */
  get millis(): number {
    return this.nanos / nanosPerMilli
  }

  /** Whoever runs in this context lives in this world. */
  inhabit<R>(context: Context.Context<R>): Context.Context<R> {
    return context.pipe(Context.add(Clock.Clock, this), Context.add(Scheduler.Scheduler, this.scheduler))
  }

  /** Runs an effect that needs no time to pass. */
  runNow<A, E>(fork: () => Fiber.Fiber<A, E>): Exit.Exit<A, E> {
    const fiber = fork()
    this.runTasks()
    return fiber.pollUnsafe() ?? Exit.die(new Error("this effect waits for time to pass"))
  }

  /** Lets time pass until this fiber has ended. */
  runToEnd(fork: () => Fiber.Fiber<unknown, unknown>): void {
    const fiber = fork()
    this.runTasks()
    while (fiber.pollUnsafe() === undefined && this.advance());
  }

  /** Runs `task` at `millis`, or now if that is past. */
  at(millis: number, task: () => void): void {
    this.push(Math.max(this.nanos, Math.round(millis * nanosPerMilli)), task)
  }

  /** Jumps to the next wake-up, and runs all that follows from it. `false`: nothing will ever happen again. */
  advance(): boolean {
    for (;;) {
      const next = this.pop()
      if (next === undefined) return false
      if (next.run === undefined) continue
      this.nanos = next.at
      next.run()
      this.runTasks()
      return true
    }
  }

  currentTimeMillisUnsafe(): number {
    return this.epochMillis + Math.floor(this.millis)
  }

  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.epochMillis) * 1_000_000n + BigInt(this.nanos)
  }

  monotonicTimeNanosUnsafe(): bigint {
    return BigInt(this.nanos)
  }

  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Duration.toMillis(duration)
    if (millis === Infinity) return Effect.never
    if (millis <= 0) return Effect.yieldNow
    return Effect.callback((resume) => {
      const wakeup = this.push(this.nanos + Math.round(millis * nanosPerMilli), () => resume(Effect.void))
      return Effect.sync(() => {
        wakeup.run = undefined
      })
    })
  }

  private runTasks(): void {
    while (this.tasks.length > 0) {
      const { tasks } = this
      this.tasks = []
      for (const task of tasks) task()
    }
  }

  private push(at: number, run: () => void): Wakeup {
    const { wakeups } = this
    const wakeup: Wakeup = { at, order: ++this.order, run }
    let index = wakeups.length
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (isBefore(wakeups[parent]!, wakeup)) break
      wakeups[index] = wakeups[parent]!
      index = parent
    }
    wakeups[index] = wakeup
    return wakeup
  }

  private pop(): Wakeup | undefined {
    const { wakeups } = this
    const first = wakeups[0]
    const last = wakeups.pop()
    if (first === undefined || last === first) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= wakeups.length) break
      if (child + 1 < wakeups.length && isBefore(wakeups[child + 1]!, wakeups[child]!)) child++
      if (isBefore(last!, wakeups[child]!)) break
      wakeups[index] = wakeups[child]!
      index = child
    }
    wakeups[index] = last!
    return first
  }
}

const isBefore = (a: Wakeup, b: Wakeup): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
