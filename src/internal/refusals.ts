/** What a caller sees whom a pool does not let in. Each is made for the first of them: most pools refuse nobody. */
import { Exit } from "effect"
import { PoolDraining, QueueFull } from "../PoolError.ts"
import { withoutStack } from "./runtime.ts"

interface Pool {
  readonly name: string
  readonly maxScheduled: number
  readonly queue: { readonly capacity: number }
}

export class Refusals {
  private readonly pool: Pool
  private ofDraining: Exit.Exit<never, PoolDraining> | undefined = undefined
  private ofFull: Exit.Exit<never, QueueFull> | undefined = undefined
  private ofFullOfEarly: Exit.Exit<never, QueueFull> | undefined = undefined

  constructor(pool: Pool) {
    this.pool = pool
  }

  get draining(): Exit.Exit<never, PoolDraining> {
    const { name } = this.pool
    return (this.ofDraining ??= Exit.fail(withoutStack(() => new PoolDraining({ pool: name }))))
  }

  get full(): Exit.Exit<never, QueueFull> {
    const { capacity } = this.pool.queue
    return (this.ofFull ??= Exit.fail(withoutStack(() => new QueueFull({ capacity }))))
  }

  /** As many as may wait for a start of their own do so. */
  get fullOfEarly(): Exit.Exit<never, QueueFull> {
    const { maxScheduled: capacity } = this.pool
    return (this.ofFullOfEarly ??= Exit.fail(withoutStack(() => new QueueFull({ capacity, scheduled: true }))))
  }
}
