/** What the libraries lack, and what an overloaded caller adds to them by hand. */
import type { Load, Start } from "../load.ts"

type Feature = "retries" | "metrics" | "signals"

/** Says which of these features a load asks for. */
export const without =
  (...features: ReadonlyArray<Feature>) =>
  (load: Load): string | undefined => {
    const missing = features.filter((feature) => load[feature] === true)
    return missing.length === 0 ? undefined : missing.map((feature) => `no ${feature}`).join(", ")
  }

/**
 * A caller that is refused when `length` has reached the capacity, and that goes when its patience is over. With signals
 * that aborts what it asked for.
 */
export const impatient =
  (
    { capacity = Infinity, patienceMillis, signals }: Load,
    length: () => number,
    ask: (n: number, gone: AbortSignal | undefined, end: (result: number | undefined) => void) => void
  ): Start =>
  (n, done) => {
    if (length() >= capacity) return done(undefined, "refused")
    const controller = signals === true ? new AbortController() : undefined
    const timer = setTimeout(() => {
      controller?.abort(new Error("its caller has gone"))
      end(undefined)
    }, patienceMillis)
    let open = true
    const end = (result: number | undefined) => {
      if (!open) return
      open = false
      clearTimeout(timer)
      done(result, "late")
    }
    ask(n, controller?.signal, end)
  }
