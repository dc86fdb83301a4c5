/** The callers of both pools of effects: a fiber for each request, which goes on with the result. */
import { Effect, type Fiber } from "effect"
import type { Load, Start } from "../load.ts"

type Fork = (effect: Effect.Effect<void>) => Fiber.Fiber<void>

/** Where a case lets no request fail, a failure leaves the process without its end: it exits with an error. */
export const callers = <E>(
  { patienceMillis }: Load,
  fork: Fork,
  execute: (n: number) => Effect.Effect<number, E>,
  isRefusal: (error: E) => boolean
): Start =>
  patienceMillis === undefined
    ? (n, done) => fork(Effect.map(execute(n), done) as Effect.Effect<void>)
    : (n, done) =>
        fork(
          Effect.match(execute(n), {
            onSuccess: done,
            onFailure: (error) => done(undefined, isRefusal(error) ? "refused" : "late")
          })
        )
