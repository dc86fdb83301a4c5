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

export const make = Effect.fnUntraced(function* (member: Member, shared: Shared) {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const recorder = { names: shared.names, process: member.id, keepMillis: member.keepOutcomesMillis }
  const step = <A>(run: Effect.Effect<A, PoolError.StoreUnavailable>) =>
    Effect.timeoutOrElse(run, { duration: `${stepSeconds} seconds`, orElse: () => Effect.fail(unanswered()) })
  const steps =
    <A extends ReadonlyArray<any>, B>(run: (...given: A) => Effect.Effect<B, PoolError.StoreUnavailable>) =>
    (...given: A) =>
      step(run(...given))
  const batches =
    <A, B>(run: (batch: ReadonlyArray<A>) => Effect.Effect<B, PoolError.StoreUnavailable>, none: () => B) =>
    (batch: ReadonlyArray<A>) =>
      batch.length === 0 ? Effect.sync(none) : step(run(batch))

  // To make queues may take its time: each has a table.
  yield* Effect.andThen(shared.queues.ensure(member.tags, member.deliveries), join(member, shared))
  const claims = makeClaims(member, shared, recorder, scope, clock)
  const session: Session = {
    insert: batches(insert(member, shared), () => []),
    insertIn: steps(insertIn(member, shared)),
    claim: (tags, most) => (tags.length === 0 || most < 1 ? Effect.succeed([]) : step(claims.claim(tags, most))),
    settle: batches(claims.settle, () => new Set()),
    giveBack: batches(claims.giveBack, () => new Set()),
    touch: batches(claims.touch, () => new Set()),
    beat: steps(beat(member, shared)),
    redeliver: step(redeliver(shared, recorder)),
    maintain: step(maintain(shared, recorder)),
    revoke: batches(revoke(shared, recorder), () => new Map()),
    ends: batches(ends(shared), () => []),
    find: steps(find(shared)),
    list: steps(list(shared)),
    discard: steps(discard(shared)),
    setPriority: steps(setPriority(shared)),
    counts: step(counts(shared)),
    backlog: batches(backlog(shared), () => ({ waiting: 0, oldestMillis: 0 })),
    setPause: steps(setPause(shared)),
    processes: step(processes(shared)),
    listen: shared.listening.listen
  }
  return session
})

const unanswered = () =>
  new PoolError.StoreUnavailable({ reason: "away", detail: `no answer within ${stepSeconds} seconds` })
