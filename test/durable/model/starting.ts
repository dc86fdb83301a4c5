/** How processes begin and end, and what is seen of their steps. */
import { Cause, Clock, Context, Deferred, Effect, Exit, Layer, Logger, Scope, Stream } from "effect"
import * as Durable from "../../../src/durable/Durable.ts"
import type { Services } from "../../../src/durable/pool.ts"
import type { Claim, Session } from "../../../src/durable/Store.ts"
import { Handlers, WorkerPool } from "../../../src/index.ts"
import { Acts, run } from "./acts.ts"
import type { Process, World } from "./world.ts"

/** Starts a process. It takes the time that joining takes. */
export const start = (
  world: World,
  as: Process["as"],
  options: Durable.Options & { readonly maxHeld: number }
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const name = `p${++world.started}`
    const scope = yield* Scope.make("sequential")
    const made = Deferred.makeUnsafe<Process>()
    const handlers = Handlers.layer(Acts).pipe(Layer.provide(Acts.toLayer({ Act: (act) => run(world, made, act) })))
    const layer: Layer.Layer<Services, any, Handlers.Handlers | Durable.Store> =
      as === "layerClient" ? Durable.layerClient({ ...options, groups: [Acts] }) : Durable[as](options)
    const store = { kind: "memory" as const, join: watchedJoin(world, name) }
    const clock = yield* Clock.Clock
    let process: Process | undefined
    const standsStill = Effect.suspend(() =>
      process === undefined ? Effect.void : world.memory.faults.whileFrozen(process.durable.process)
    )
    const exit = yield* layer.pipe(
      Layer.provide([handlers, Layer.succeed(Durable.Store, store)]),
      Layer.build,
      Scope.provide(scope),
      Effect.provideService(Clock.Clock, {
        ...clock,
        sleep: (duration) => Effect.andThen(clock.sleep(duration), standsStill)
      }),
      Effect.exit
    ) as Effect.Effect<Exit.Exit<Context.Context<Services>, unknown>>
    if (Exit.isFailure(exit)) {
      // A process cannot begin while the store is away.
      if (!Cause.pretty(exit.cause).includes("StoreUnavailable")) world.breaches.push(Cause.pretty(exit.cause))
      return yield* Scope.close(scope, exit)
    }
    const durable = Context.get(exit.value, Durable.Durable)
    const pool = Context.get(exit.value, WorkerPool.WorkerPool)
    const { maxHeld } = options
    process = { name, as, maxHeld, pool, durable, scope, lapsed: new Set(), state: "live" }
    world.processes.push(process)
    Deferred.doneUnsafe(made, Exit.succeed(process))
    const { lapsed } = process
    const heard = Stream.runForEach(pool.events, (event) =>
      Effect.sync(() => {
        if (event._tag === "ClaimLapsed") lapsed.add(event.id)
      })
    )
    yield* Effect.forkIn(heard, scope, { startImmediately: true })
  }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set()))

/** Closes it as a program would. */
export const close = (process: Process): Effect.Effect<unknown> =>
  Effect.suspend(() => {
    process.state = "closing"
    return Effect.forkDetach(
      Effect.ensuring(
        Scope.close(process.scope, Exit.void),
        Effect.sync(() => {
          if (process.state === "closing") process.state = "closed"
        })
      ),
      { startImmediately: true }
    )
  })

const watchedJoin =
  (world: World, process: string): Durable.Store["Service"]["join"] =>
  (member) =>
    Effect.map(world.memory.store.join(member), (session): Session => {
      const { claim, giveBack, settle } = session
      const receivedOf = (one: Claim) => world.received.find((each) => each.claim.fence === one.fence)
      return {
        ...session,
        claim: (tags, most) =>
          Effect.tap(claim(tags, most), (claims) =>
            Effect.sync(() => {
              for (const claim of claims) {
                world.note(process, `claims ${keyOf(claim)}, delivery ${claim.deliveries}`)
                world.received.push({ process, claim, isReturned: false, record: undefined })
              }
            })
          ),
        giveBack: (returns) =>
          Effect.suspend(() => {
            for (const { claim } of returns) {
              world.note(process, `gives ${keyOf(claim)} back`)
              Object.assign(receivedOf(claim) ?? {}, { isReturned: true })
            }
            return giveBack(returns)
          }),
        settle: (ends) =>
          Effect.suspend(() => {
            if (new Set(ends.map(({ record }) => record.id)).size < ends.length) {
              world.breaches.push(`${process} ends a request twice in one statement`)
            }
            for (const { claim, record } of ends) {
              world.note(process, `ends ${keyOf(claim)}: ${record.end}`)
              Object.assign(receivedOf(claim) ?? {}, { record })
            }
            return settle(ends)
          })
      }
    })

const keyOf = ({ request }: Claim) => (request.payload as { readonly key: number }).key
