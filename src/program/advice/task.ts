/** What the thread that computes advice is asked: plain data. */
import type { Levers } from "../../http/advisor.ts"
import type { ElasticPool } from "../../index.ts"
import type { Heard } from "../../recording/recent.ts"

/** How the pool is set in what does not change as it runs. */
export interface Unchanging {
  readonly pool: Pick<
    ElasticPool.Options,
    "aging" | "expiresIn" | "keyCapacity" | "maxScheduled" | "order" | "priority" | "strategy" | "timeout"
  > & {
    readonly capacity: number | "unbounded"
    /** In milliseconds. */
    readonly scalingInterval: number
  }
  readonly retries: number
  readonly retryBudget: number | "none" | undefined
  readonly sheddingTarget?: never | undefined
  readonly sheddingInterval?: never | undefined
  /** As they were written. */
  readonly limits: string | undefined
  /** Those that were set, as a file has them. */
  readonly file: Readonly<Record<string, unknown>>
}

export interface Task {
  readonly heard: Heard
  readonly today: Levers
  readonly unchanging: Unchanging
  readonly targets: ReadonlyArray<string>
  readonly mostWorkers: number | undefined
  /** When it was asked, by the wall clock. */
  readonly atMillis: number
}
