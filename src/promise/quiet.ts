/** When a pool has nothing to do: whoever waits for that hears of it, and its timers let the process go. */
import type { Core } from "../internal/core.ts"
import type { HeldClock } from "./hostClock.ts"

export class Quiet {
  private readonly core: Core
  private readonly clock: HeldClock
  private waiters: Array<() => void> = []

  constructor(core: Core, clock: HeldClock) {
    this.core = core
    this.clock = clock
    // The last request ends in a turn: whatever ends one begins a turn if there is none. What the intake would forget at that
    // end is of callers that are fibers, and here there are none.
    core.turn.onEnd = () => this.look()
  }

  wait(): Promise<void> {
    if (this.isQuiet) return Promise.resolve()
    // Until an attempt that ignores its interruption is stuck.
    this.clock.hold()
    return new Promise((resolve) => this.waiters.push(resolve))
  }

  private look(): void {
    const { counters, drain } = this.core
    if (this.isAwaited) return
    if (counters.ending === 0) for (const tell of this.waiters.splice(0)) tell()
    // A drain that goes on waits for what is stuck, and for that by a timer.
    if (this.waiters.length === 0 && drain.state !== "draining") this.clock.release()
  }

  private get isQuiet(): boolean {
    return !this.isAwaited && this.core.counters.ending === 0
  }

  /** Whether any request has no end yet. Nobody waits for an attempt whose request has one. */
  private get isAwaited(): boolean {
    const { counters, queue } = this.core
    return counters.running + queue.waiting + queue.delayed + queue.blocked > 0
  }
}
