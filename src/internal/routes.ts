/** How each tag of a pool is run. */
import { Result } from "effect"
import type { Handler } from "../Handlers.ts"
import type { PoolConfig } from "../PoolConfig.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"
import * as RequestPolicy from "../RequestPolicy.ts"
import { HandlerCounters } from "./counters.ts"
import type { Canceller, Nested, Route } from "./request.ts"
import { RetrySpending } from "./retrySpending.ts"
import { inherit } from "./runtime.ts"

/** A handler without a policy of its own. */
export type PlainHandler = Pick<Handler, "context" | "run" | "subjectOf">

export class Routes {
  private readonly routes = new Map<string, Route>()
  private readonly config: PoolConfig["Service"]
  private readonly canceller: Canceller
  private readonly nesting: Nested
  /** What the retries of all tags spend from, where they do. */
  private readonly spending: RetrySpending | undefined

  constructor(config: PoolConfig["Service"], canceller: Canceller, nesting: Nested) {
    this.config = config
    this.canceller = canceller
    this.nesting = nesting
    const { retryBudget } = config
    this.spending = retryBudget?.per === "pool" ? new RetrySpending(retryBudget) : undefined
  }

  get byTag(): ReadonlyMap<string, Route> {
    return this.routes
  }

  add(tag: string, handler: Handler): Result.Result<Route, InvalidPoolConfig> {
    const policy = RequestPolicy.resolve(handler.policy, this.config.policy, `${tag}.`)
    return Result.map(policy, (policy) => this.addPlain(tag, handler, policy))
  }

  /** Those of one more tag. */
  counts(): HandlerCounters {
    const { retryBudget } = this.config
    return new HandlerCounters(retryBudget?.per === "tag" ? new RetrySpending(retryBudget) : this.spending)
  }

  /** Its policy is the pool's, or one that is checked. */
  addPlain(
    tag: string,
    { context, run, subjectOf = itself }: PlainHandler,
    policy: RequestPolicy.Resolved = this.config.policy
  ): Route {
    const route: Route = {
      tag,
      policy,
      context: inherit(context),
      run,
      subjectOf,
      canceller: this.canceller,
      nesting: this.nesting,
      idPrefix: this.config.idPrefix,
      counts: this.counts()
    }
    this.routes.set(tag, route)
    return route
  }
}

const itself = (payload: unknown) => payload
