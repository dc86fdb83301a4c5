/** One listener of a pool's events. It misses none: what has happened waits for the next turn. */
import { Effect } from "effect"
import { type AsyncContext, captureAsyncContext, inAsyncContext } from "../internal/asyncContext.ts"
import type { Core } from "../internal/core.ts"
import type { PoolEvent } from "../PoolEvent.ts"
import { type Event, toEvent } from "./outcome.ts"

export class Hearing {
  private readonly core: Core
  private readonly type: Event["type"]
  private readonly listener: (event: Event) => void
  private readonly asyncContext: AsyncContext | undefined = captureAsyncContext()
  private unheard: Array<PoolEvent> = []
  private readonly unlisten: () => void

  constructor(core: Core, type: Event["type"], listener: (event: Event) => void) {
    this.core = core
    this.type = type
    this.listener = listener
    this.unlisten = core.events.listen((event) => {
      if (event._tag === type && this.unheard.push(event) === 1) core.turn.defer(() => this.tell())
    })
  }

  stop(): void {
    this.unlisten()
    this.unheard = []
  }

  /** Now, not in the next turn. */
  tell(): void {
    const events = this.unheard
    this.unheard = []
    for (const event of events) inAsyncContext(this.asyncContext, () => this.call(toEvent(event)))
  }

  private call(event: Event): void {
    try {
      const given: unknown = this.listener(event)
      if (given instanceof Promise) given.catch((error) => this.log(error))
    } catch (error) {
      this.log(error)
    }
  }

  private log(error: unknown): void {
    const line = Effect.logError(`a listener for "${this.type}" of pool "${this.core.config.name}" threw`, error)
    Effect.runForkWith(this.core.context)(line)
  }
}
