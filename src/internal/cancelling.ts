/** Gives up many requests: however many they are, the host gets its turns in between. */
import { Effect } from "effect"
import type { Core } from "./core.ts"
import type { PoolRequest } from "./request.ts"

/** Answers how many had not ended. The last ones first: no cancelling makes room for one that is to be cancelled next. */
export const cancelMany = (core: Core, select: () => ReadonlyArray<PoolRequest>): Effect.Effect<number> =>
  Effect.callback((resume) =>
    cancelFrom(core, select().toReversed(), 0, 0, (cancelled) => resume(Effect.succeed(cancelled)))
  )

const cancelFrom = (
  core: Core,
  requests: ReadonlyArray<PoolRequest>,
  from: number,
  before: number,
  done: (cancelled: number) => void
): void => {
  const { admission, now, turn } = core
  let cancelled = before
  for (let at = from; at < requests.length; at++) {
    if (turn.isOver(now())) return turn.defer(() => cancelFrom(core, requests, at, cancelled, done))
    if (admission.cancel(requests[at]!) !== "settled") cancelled++
  }
  done(cancelled)
}
