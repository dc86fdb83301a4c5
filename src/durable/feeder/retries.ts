/**
 * Retries of a stored request: within a delivery they are the pool's own; one that is further off than `keepRetryLocal` goes back to the
 * store with the attempts so far, and whoever is delivered it goes on where the rule was.
 */
import { Duration, Effect, Exit, Schedule } from "effect"
import { RetryPolicy, type RequestPolicy } from "../../index.ts"
import type { Claim, RetryRecord } from "../Store.ts"

/** Told of a delay that is too long to be waited out here. The pool holds the request back meanwhile. */
export type OnFarOff = (delayMillis: number) => void

/** The rule in force, as the pool within is to have it for this delivery. */
export const forDelivery = (
  { attempts, request: { call } }: Claim,
  ofPool: RequestPolicy.Retry | "none" | undefined,
  keepLocalMillis: number,
  random: () => number,
  onFarOff: OnFarOff
): RequestPolicy.Retry | "none" => {
  const rule = call.retry === undefined ? ofPool : call.retry === null ? "none" : ofRecord(call.retry)
  if (rule === undefined || rule === "none") return "none"
  const told = (millis: number) => {
    if (millis > keepLocalMillis) onFarOff(millis)
    return millis
  }
  return RetryPolicy.isRetryPolicy(rule) ? ofPolicy(rule, attempts, random, told) : ofSchedule(rule, attempts, told)
}

const ofRecord = ({ baseMillis, capMillis, ...rest }: RetryRecord): RetryPolicy.RetryPolicy =>
  RetryPolicy.make({ ...rest, base: baseMillis, cap: capMillis })

/** The delay is worked out here, with the attempts of earlier deliveries, so that nothing is left to cap. */
const ofPolicy = (
  rule: RetryPolicy.RetryPolicy,
  before: number,
  random: () => number,
  told: (millis: number) => number
): RetryPolicy.RetryPolicy => ({
  ...rule,
  times: Math.max(0, rule.times - before),
  capMillis: Infinity,
  delay: (error, attempt) => told(RetryPolicy.delayMillis(rule, attempt + before, random(), error))
})

/** A schedule is stepped as often as it was in the deliveries before. What it looked at then is not known any more. */
const ofSchedule = (
  rule: Schedule.Schedule<any, any, any>,
  before: number,
  told: (millis: number) => number
): Schedule.Schedule<any, any, any> => {
  const replayed = Schedule.fromStep<any, any, never, any, never, never>(
    Effect.gen(function* () {
      const step = yield* Schedule.toStep(rule)
      let left = before
      return (now: number, input: unknown) =>
        Effect.gen(function* () {
          for (; left > 0; left--) {
            const exit = yield* Effect.exit(step(now, input))
            if (Exit.isFailure(exit)) return yield* exit
          }
          return yield* step(now, input)
        })
    }) as any
  )
  return Schedule.modifyDelay(replayed, ({ duration }) =>
    Effect.sync(() => (told(Duration.toMillis(duration)), duration))
  )
}
