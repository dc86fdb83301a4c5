/** What a simulation tells. */
import type { ScalingDecision } from "../ScalingDecision.ts"

/** Times in milliseconds. */
export interface Quantiles {
  /** The mean. */
  readonly mean: number
  /** What half of them did not exceed. */
  readonly p50: number
  /** What 95 % of them did not exceed. */
  readonly p95: number
  /** What 99 % of them did not exceed. */
  readonly p99: number
}

/** A second of the run. */
export interface Window {
  /** Where it begins, in milliseconds since the start. */
  readonly fromMillis: number
  /** Requests that came in it. */
  readonly arrived: number
  /** On average. */
  readonly workers: number
  /** At its highest: requests that wait, outside a full queue too. */
  readonly backlog: number
  /** Requests whose first attempt began in it, and those that ended without one. */
  readonly begun: number
  /** What waited at its end. */
  readonly left: number
  /** How long those that have begun had waited: the mean, in milliseconds. */
  readonly waitMean: number
  /** What 95 % of those that have begun had not waited longer than, in milliseconds. */
  readonly waitP95: number
  /** Requests that were answered in it while their answer was worth something. Only where the options say how long that is. */
  readonly good?: number | undefined
}

/** When how many workers would carry a load that has jumped up. */
export interface Capacity {
  readonly atMillis: number
  readonly workers: number
}

/** Requests that have something in common. */
export interface Group {
  /** How many came. */
  readonly arrived: number
  /** What half of them did not wait longer than, in milliseconds. */
  readonly waitP50: number
  /** What 99 % of them did not wait longer than, in milliseconds. */
  readonly waitP99: number
}

/** Those of one priority. */
export interface PriorityGroup extends Group {
  /** From -10 to 10. */
  readonly priority: number
}

/** Those of one key. */
export interface KeyGroup extends Group {
  /** `null`: all those that are not listed by themselves. */
  readonly key: string | null
  /** How long their attempts had workers while requests arrived, in seconds. */
  readonly serviceSeconds: number
}

/** Figures of a load that has keys or priorities. */
export interface Groups {
  /** The highest first. */
  readonly byPriority?: ReadonlyArray<PriorityGroup> | undefined
  /** The ten that had workers for longest, and the others together. */
  readonly byKey?: ReadonlyArray<KeyGroup> | undefined
  /** How many keys there were. */
  readonly keys?: number | undefined
  /**
   * How evenly the time on workers was shared among keys while requests arrived, by the index of Jain, Chiu and Hawe: 1 is all the
   * same, 1 / keys is all for one. It says something where all keys wanted more than they had, and have the same weight.
   */
  readonly fairness?: number | undefined
}

/** Figures of a run that knows for how long an answer is worth something. */
export interface Worth {
  /** Completed requests that were answered in time. */
  readonly good?: number | undefined
  /** Those that were answered while requests arrived, after the warm-up, per second. */
  readonly goodPerSecond?: number | undefined
  /** The share of the time of attempts that went into answers that came too late, and into failures. */
  readonly wasted?: number | undefined
}

/** The figures of one policy: of the requests that arrived after the warm-up, until the last of them has ended. */
export interface Figures extends Groups, Worth {
  /** The name of the policy. */
  readonly policy: string
  /** From arrival to the first attempt, or to the end without one; refused requests are left out. */
  readonly wait: Quantiles
  /** From arrival to end; refused requests are left out. */
  readonly total: Quantiles
  /** The sum of all that follow it, down to `interrupted`. */
  readonly arrived: number
  /** Ended with a value. */
  readonly completed: number
  /** Ended with a failure, or a defect. */
  readonly failed: number
  /** Not let in by a full queue. */
  readonly refused: number
  /** Lived for longer than `expiresIn`. */
  readonly expired: number
  /** Ran in their last attempt for longer than the timeout. */
  readonly timedOut: number
  /** Gave way to a newer one in a full queue, or were given up. */
  readonly evicted: number
  /** Stopped by the pool. */
  readonly interrupted: number
  /** Of the evicted ones, those that a pool of the strategy `"shedding"` gave up. */
  readonly shed: number
  /** Attempts that were not a request's first. */
  readonly retries: number
  /** The most that waited at once, outside a full queue too. */
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
  /** Second by second. */
  readonly windows: ReadonlyArray<Window>
}

/** A scaling decision that changed the number of workers. */
export interface Decision extends Pick<ScalingDecision, "cause" | "before" | "after" | "wanted" | "reason"> {
  /** Milliseconds since the start. */
  readonly atMillis: number
  /** Why `after` is not `wanted`; `null` when it is. */
  readonly heldBack: ScalingDecision["heldBack"] | null
}
