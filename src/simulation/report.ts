/** What a simulation tells. */
import type { ScalingDecision } from "../ScalingDecision.ts"

/** Times in milliseconds. */
export interface Quantiles {
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** A second of the run. */
export interface Window {
  readonly fromMillis: number
  readonly arrived: number
  /** On average. */
  readonly workers: number
  /** At its highest: requests that wait, outside a full queue too. */
  readonly backlog: number
  /** Requests whose first attempt began in it, and those that ended without one. */
  readonly begun: number
  /** What waited at its end. */
  readonly left: number
  /** Of those that have begun. */
  readonly waitMean: number
  readonly waitP95: number
}

/** When how many workers would carry a load that has jumped up. */
export interface Capacity {
  readonly atMillis: number
  readonly workers: number
}

/** The figures of one policy: of the requests that arrived after the warm-up, until the last of them has ended. */
export interface Figures {
  readonly policy: string
  /** From arrival to the first attempt, or to the end without one; refused requests are left out. */
  readonly wait: Quantiles
  /** From arrival to end; refused requests are left out. */
  readonly total: Quantiles
  /** The sum of all that follow it, down to `interrupted`. */
  readonly arrived: number
  readonly completed: number
  readonly failed: number
  readonly refused: number
  readonly expired: number
  readonly timedOut: number
  readonly evicted: number
  readonly interrupted: number
  /** Attempts that were not a request's first. */
  readonly retries: number
  readonly peakBacklog: number
  /** The number of workers, summed up over time. */
  readonly workerSeconds: number
  /** The sum of the service times of all that arrived: what any policy has to spend. */
  readonly leastWorkerSeconds: number
  /**
   * Milliseconds from a step of the arrivals until there were as many workers as the rate after it times the mean service
   * time. `null`: there was no step, or there never were.
   */
  readonly timeToCapacity: number | null
  /** How often the number of workers, looked at once a tick, changed its direction. */
  readonly reversals: number
  /**
   * The share of the seconds in which the requests that began had waited no longer than the target, on average. A second
   * in which none began and some waited does not count as kept; refused requests are left out.
   */
  readonly windowsWithinTarget: number
  /** The decisions that changed something. */
  readonly decisions: ReadonlyArray<Decision>
  readonly windows: ReadonlyArray<Window>
}

export interface Decision extends Pick<ScalingDecision, "cause" | "before" | "after" | "wanted" | "reason"> {
  readonly atMillis: number
  readonly heldBack: ScalingDecision["heldBack"] | null
}
