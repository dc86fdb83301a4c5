/** What handlers do, the same in each process, and what is counted of it. */
import { Deferred, Effect, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { Delivery } from "../../../src/durable/Durable.ts"
import type { Process, World } from "./world.ts"

/** What a handler does. `poison` ends its process, `gate` waits to be told, `fails-first` and `fails-twice` fail so often. */
export const behaviours = [
  "quick",
  "sleep",
  "long",
  "gate",
  "fail",
  "die",
  "fails-first",
  "fails-twice",
  "poison"
] as const
export type Behaviour = (typeof behaviours)[number]

export const Act = Rpc.make("Act", {
  payload: { key: Schema.Number, behaviour: Schema.Literals(behaviours) },
  success: Schema.String,
  error: Schema.String
})
export class Acts extends RpcGroup.make(Act) {}

/** What a handler does in this process, counted. */
export const run = (
  world: World,
  made: Deferred.Deferred<Process>,
  { behaviour, key }: { readonly key: number; readonly behaviour: Behaviour }
): Effect.Effect<string, string> =>
  Effect.gen(function* () {
    const process = yield* Deferred.await(made)
    const delivery = yield* Delivery
    if (delivery === undefined) return yield* Effect.die("a handler without a delivery")
    const standStill = world.memory.faults.whileFrozen(process.durable.process)
    yield* standStill
    const { deliveries, id } = delivery
    world.note(process.name, `runs ${key}, delivery ${deliveries}`)
    world.runs.set(id, (world.runs.get(id) ?? 0) + 1)
    const others = [...world.running].filter((other) => other.id === id)
    if (others.length > 0 && world.faults.size === 0) world.breaches.push(`two attempts of request ${key} run at once`)
    const run = { process, id, key, deliveries, step: world.step }
    // In one step: interrupted in between, it would be counted for ever.
    return yield* Effect.acquireUseRelease(
      Effect.sync(() => world.running.add(run)),
      () => body(world, process, key, behaviour, deliveries, standStill),
      () => Effect.sync(() => world.running.delete(run))
    )
  })

const body = (
  world: World,
  process: Process,
  key: number,
  behaviour: Behaviour,
  deliveries: number,
  standStill: Effect.Effect<void>
): Effect.Effect<string, string> => {
  const done = Effect.as(standStill, `${process.name} ${deliveries}`)
  switch (behaviour) {
    case "quick":
      return done
    case "sleep":
      return Effect.andThen(Effect.sleep(40), done)
    case "long":
      return Effect.andThen(Effect.sleep(4_000), done)
    case "gate":
      return world.isHealed ? done : Effect.andThen(Deferred.await(world.gateOf(key)), done)
    case "fail":
      return Effect.fail("no")
    case "die":
      return Effect.die("bug")
    case "fails-first":
    case "fails-twice": {
      const failures = behaviour === "fails-first" ? 1 : 2
      return Effect.suspend(() =>
        world.runs.get(world.asked.get(key)!.id)! <= failures ? Effect.fail("not yet") : done
      )
    }
    case "poison":
      if (world.isHealed) return done
      world.crash(process, "poison")
      return Effect.never
  }
}
