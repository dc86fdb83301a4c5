/** A session whose steps tell whether the store can be reached. */
import { Effect } from "effect"
import type { PoolError } from "../index.ts"
import type { Session } from "./Store.ts"

export class Link {
  isAway = false
  private readonly onChange: (isAway: boolean, detail: string) => void

  constructor(onChange: (isAway: boolean, detail: string) => void) {
    this.onChange = onChange
  }

  /** Every step of it tells how it went. */
  watch(session: Session): Session {
    const watched: Record<string, unknown> = {}
    for (const [name, step] of Object.entries(session)) {
      watched[name] =
        name === "listen" || name === "insertIn"
          ? step
          : typeof step === "function"
            ? (...args: ReadonlyArray<unknown>) => this.told(step(...args))
            : this.told(step)
    }
    return watched as unknown as Session
  }

  private readonly told = <A>(
    step: Effect.Effect<A, PoolError.StoreUnavailable>
  ): Effect.Effect<A, PoolError.StoreUnavailable> =>
    Effect.tapCause(
      Effect.tap(step, () => Effect.sync(() => this.set(false, ""))),
      (cause) =>
        Effect.sync(() => {
          const failure = cause.reasons.find((reason) => reason._tag === "Fail")
          if (failure?.error.reason === "away") this.set(true, failure.error.detail)
        })
    )

  private set(isAway: boolean, detail: string): void {
    if (this.isAway === isAway) return
    this.isAway = isAway
    this.onChange(isAway, detail)
  }
}
