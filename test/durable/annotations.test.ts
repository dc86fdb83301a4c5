/** What the annotation of an Rpc says, and no store keeps: refused when the pool is built, and not with each call. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Scope } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import * as Durable from "../../src/durable/Durable.ts"
import * as Memory from "../../src/durable/memory/store.ts"
import { Handlers, PoolError, RequestPolicy } from "../../src/index.ts"

const groupOf = (own: RequestPolicy.Annotation, ofGroup: RequestPolicy.Annotation = {}) =>
  RpcGroup.make(Rpc.make("Fine"), Rpc.make("Save").annotate(RequestPolicy.RequestPolicy, own)).annotate(
    RequestPolicy.RequestPolicy,
    ofGroup
  )

/** That a worker, and a client that only asks, can be built. */
const build = (group: ReturnType<typeof groupOf>) =>
  Effect.gen(function* () {
    const { store } = yield* Memory.make
    const handlers = Handlers.layer(group).pipe(
      Layer.provide(group.toLayer({ Fine: () => Effect.void, Save: () => Effect.void }))
    )
    const exits: Array<Exit.Exit<unknown, unknown>> = []
    for (const layer of [Durable.layer().pipe(Layer.provide(handlers)), Durable.layerClient({ groups: [group] })]) {
      const scope = yield* Scope.make()
      const built = Layer.buildWithScope(layer.pipe(Layer.provide(Layer.succeed(Durable.Store, store))), scope)
      exits.push(yield* Effect.exit(built))
      yield* Scope.close(scope, Exit.void)
    }
    return exits
  })

describe("an annotation of an Rpc", () => {
  const replace = { duplicate: "replace" } as const
  for (const [what, group, field, actual] of [
    ["reject", groupOf({ duplicate: "reject" }), "Save.duplicate", "reject"],
    ["replace", groupOf(replace), "Save.duplicate", "replace"],
    ["latest", groupOf({ duplicate: "latest" }), "Save.duplicate", "latest"],
    ["a debounce", groupOf({ debounce: "1 second" }), "Save.debounce", "1 second"],
    ["replace of its group", groupOf({ duplicate: "join" }, replace), "Fine.duplicate", "replace"]
  ] as const) {
    it.effect(`that says ${what} is refused, and named`, () =>
      Effect.gen(function* () {
        for (const exit of yield* build(group)) {
          const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
          assert.instanceOf(error, PoolError.InvalidPoolConfig)
          assert.strictEqual(error.field, field)
          assert.include(error.expected, "in a durable pool")
          assert.include(error.actual, actual)
        }
      })
    )
  }

  for (const own of [{}, { duplicate: "allow" }, { duplicate: "join" }] as const) {
    it.effect(`that says ${JSON.stringify(own)} is not`, () =>
      Effect.gen(function* () {
        for (const exit of yield* build(groupOf(own))) assert.isTrue(Exit.isSuccess(exit))
      })
    )
  }
})
