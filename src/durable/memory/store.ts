/** A store in memory: for tests, and to try a durable pool out. It is gone with its process. */
import { Clock, Effect } from "effect"
import type { Member, Pause, Store } from "../Store.ts"
import { Faults } from "./faults.ts"
import { Processes } from "./processes.ts"
import { make as makeSession, type Shared } from "./session.ts"
import { Table } from "./table.ts"

export interface MemoryStore {
  readonly store: Store["Service"]
  /** What is to go wrong with it. */
  readonly faults: Faults
}

/** An empty store. Its dates are by the clock of whoever makes it: those who join may have others. */
export const make: Effect.Effect<MemoryStore> = Effect.map(Clock.Clock, (clock) => {
  const faults = new Faults(clock)
  const shared: Shared = {
    now: storeTime(clock),
    table: new Table(),
    processes: new Processes(),
    pauses: new Map<string, Pause>(),
    faults
  }
  const join = (member: Member) =>
    Effect.acquireRelease(
      faults.step(member.id, () => {
        for (const tag of member.tags) shared.table.addLine(tag)
        shared.processes.add(member, shared.now())
        return makeSession(member, shared)
      }),
      // Whoever cannot say that it leaves is missing.
      () =>
        Effect.sync(() => {
          if (faults.isReachable && !faults.isFrozen(member.id)) shared.processes.left(member.id, shared.now())
        })
    )
  return { store: { kind: "memory", join }, faults }
})

/** Milliseconds since 1970 that go on evenly, however the clock of the host is set. */
const storeTime = (clock: Clock.Clock) => {
  const start = BigInt(clock.currentTimeMillisUnsafe()) * 1_000_000n - clock.monotonicTimeNanosUnsafe()
  return () => Number((start + clock.monotonicTimeNanosUnsafe()) / 1_000_000n)
}
