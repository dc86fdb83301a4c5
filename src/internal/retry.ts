/** Whether another attempt follows one that failed, and after how long. */
import { Clock, Context, Duration, Effect, Random, Schedule } from "effect"
import * as RetryPolicy from "../RetryPolicy.ts"
import { Details, type PoolRequest } from "./request.ts"

/** What an attempt died of: the handler's own failure, its timeout, or a defect. */
export type FailureKind = "failure" | "timeout" | "defect"

/**
 * Milliseconds until the next attempt may start; `undefined`: this was the last one. A request that could not start
 * again before its expiry has had its last attempt.
 */
export type RetryDelay = (request: PoolRequest, kind: FailureKind, error: unknown, now: number) => number | undefined

/** `onDenied` hears of a retry that its policy asked for, and that is more than may be spent. */
export const makeRetryDelay = (
  context: Context.Context<never>,
  onDenied: (request: PoolRequest) => void
): RetryDelay => {
  const random = Context.get(context, Random.Random)
  const clock = Context.get(context, Clock.Clock)
  const runSync = Effect.runSyncExitWith(context)
  const delayOf = (request: PoolRequest, kind: FailureKind, error: unknown): number | undefined => {
    const { retry } = request.policy
    if (retry === undefined) return undefined
    if (RetryPolicy.isRetryPolicy(retry)) {
      return request.attempts <= retry.times && applies(retry, kind, error)
        ? RetryPolicy.delayMillis(retry, request.attempts, random.nextDoubleUnsafe(), error)
        : undefined
    }
    if (kind === "defect") return undefined
    return stepSchedule(request, retry, error)
  }

  /** A schedule that cannot decide at once, or that dies, gives no further attempt. */
  const stepSchedule = (
    request: PoolRequest,
    schedule: Schedule.Schedule<unknown, unknown, unknown>,
    error: unknown
  ): number | undefined => {
    type Step = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, unknown, unknown, never>>>
    const details = (request.details ??= new Details())
    if (details.retryStep === undefined) {
      const made = runSync(Schedule.toStep(schedule))
      if (made._tag === "Failure") return undefined
      details.retryStep = made.value
    }
    const next = runSync((details.retryStep as Step)(clock.currentTimeMillisUnsafe(), error))
    return next._tag === "Success" ? Math.ceil(Duration.toMillis(next.value[1])) : undefined
  }

  return (request, kind, error, now) => {
    const delay = delayOf(request, kind, error)
    if (delay === undefined || now + delay >= request.expiresAt) return undefined
    const { spending } = request.route.counts
    if (spending === undefined || spending.withdraw(now)) return delay
    onDenied(request)
    return undefined
  }
}

/** A predicate that throws says no. */
const applies = (retry: RetryPolicy.RetryPolicy, kind: FailureKind, error: unknown): boolean => {
  if (kind === "timeout") return retry.timeouts
  if (kind === "defect") return retry.defects
  if (typeof retry.failures === "boolean") return retry.failures
  try {
    return retry.failures(error)
  } catch {
    return false
  }
}
