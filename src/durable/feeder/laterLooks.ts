/** Looks for what waits again only later: what comes due at about the same time is looked for once. */
import type { Clock } from "effect"
import { Effect } from "effect"
import { elapsedOf } from "../signal.ts"

/** What waits again later than that is found by looking anyhow. */
const mostSlept = 60_000
const togetherMillis = 100

export class LaterLooks {
  /** When, and for which tags. */
  private readonly planned = new Map<number, Set<string>>()
  private readonly clock: Clock.Clock
  private readonly fork: (effect: Effect.Effect<unknown>) => void
  private readonly look: (tags: Iterable<string>) => void

  constructor(
    clock: Clock.Clock,
    fork: (effect: Effect.Effect<unknown>) => void,
    look: (tags: Iterable<string>) => void
  ) {
    this.clock = clock
    this.fork = fork
    this.look = look
  }

  plan(tags: ReadonlySet<string>, delayMillis: number): void {
    if (delayMillis > mostSlept) return
    const now = elapsedOf(this.clock)
    const at = delayMillis === 0 ? now : Math.ceil((now + delayMillis) / togetherMillis) * togetherMillis
    const planned = this.planned.get(at)
    if (planned !== undefined) return tags.forEach((tag) => planned.add(tag))
    const due = new Set(tags)
    this.planned.set(at, due)
    const look = Effect.sync(() => {
      this.planned.delete(at)
      this.look(due)
    })
    this.fork(Effect.andThen(Effect.sleep(at - now), look))
  }
}
