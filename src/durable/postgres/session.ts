/** One process's part in a store on PostgreSQL. */
import { Clock, Effect } from "effect"
import { PoolError } from "../../index.ts"
import type { Member, Session } from "../Store.ts"
import { make as makeClaims } from "./claiming.ts"
import { backlog, counts } from "./counting.ts"
import { revoke } from "./ending.ts"
import { insert, insertIn } from "./inserting.ts"
import { list } from "./listing.ts"
import { discard, ends, find, setPriority } from "./looking.ts"
import { beat, join, processes, setPause } from "./members.ts"
import type { Shared } from "./shared.ts"
import { maintain, redeliver } from "./upkeep.ts"

/** Within which each step has happened, or failed. */
const stepSeconds = 15

export interface Outage {
  /** Told of each step. It says so once where the store goes away, and once where it is there again. */
  readonly watched: <A, R>(
    step: Effect.Effect<A, PoolError.StoreUnavailable, R>
  ) => Effect.Effect<A, PoolError.StoreUnavailable, R>
}

export const make = Effect.fnUntraced(function* (member: Member, shared: Shared, outage: Outage) {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const recorder = { names: shared.names, process: member.id, keepMillis: member.keepOutcomesMillis }
  const step = <A>(run: Effect.Effect<A, PoolError.StoreUnavailable>) =>
    outage.watched(
      Effect.timeoutOrElse(run, { duration: `${stepSeconds} seconds`, orElse: () => Effect.fail(unanswered()) })
    )
  const steps =
    <A extends ReadonlyArray<any>, B>(run: (...given: A) => Effect.Effect<B, PoolError.StoreUnavailable>) =>
    (...given: A) =>
      step(run(...given))

  yield* step(shared.queues.ensure(member.tags, member.deliveries))
  yield* outage.watched(join(member, shared))
  const claims = makeClaims(member, shared, recorder, scope, clock)
  const session: Session = {
    insert: steps(insert(member, shared)),
    insertIn: steps(insertIn(member, shared)),
    claim: steps(claims.claim),
    settle: steps(claims.settle),
    giveBack: steps(claims.giveBack),
    touch: steps(claims.touch),
    beat: steps(beat(member, shared)),
    redeliver: step(redeliver(shared, recorder)),
    maintain: step(maintain(shared, recorder)),
    revoke: steps(revoke(shared, recorder)),
    ends: steps(ends(shared)),
    find: steps(find(shared)),
    list: steps(list(shared)),
    discard: steps(discard(shared)),
    setPriority: steps(setPriority(shared)),
    counts: step(counts(shared)),
    backlog: steps(backlog(shared)),
    setPause: steps(setPause(shared)),
    processes: step(processes(shared)),
    listen: shared.listening.listen
  }
  return session
})

const unanswered = () =>
  new PoolError.StoreUnavailable({ reason: "away", detail: `no answer within ${stepSeconds} seconds` })
