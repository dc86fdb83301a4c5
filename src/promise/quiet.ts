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
    // The last request ends in a turn: whatever ends one begins a turn if there is none.
    core.turn.onEnd = () => this.look()
  }

  wait(): Promise<void> {
    return this.isQuiet ? Promise.resolve() : new Promise((resolve) => this.waiters.push(resolve))
  }

  private look(): void {
    if (!this.isQuiet) return
    // A drain that goes on waits for what is stuck, and for that by a timer.
    if (this.core.drain.state !== "draining") this.clock.release()
    for (const tell of this.waiters.splice(0)) tell()
  }

  private get isQuiet(): boolean {
    const { counters, queue } = this.core
    return counters.running + counters.ending + queue.waiting + queue.delayed + queue.blocked === 0
  }
}
