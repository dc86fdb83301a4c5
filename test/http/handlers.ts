/** Handlers for the tests of the service. A `Gate` waits until the test opens it: it is the same module instance. */
import { Deferred, Effect, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { AsyncLocalStorage } from "node:async_hooks"
import { NotBefore } from "../../src/index.ts"
import { hostile } from "../support/hostileValues.ts"

export class Refusal extends Schema.TaggedError<Refusal>()("Refusal", { why: Schema.String, at: Schema.Date }) {}

const gates = new Map<string, Deferred.Deferred<string>>()

/** Opened by the test, before or after the request is there. */
export const gate = (name: string): Deferred.Deferred<string> => {
  const known = gates.get(name)
  if (known !== undefined) return known
  const made = Deferred.makeUnsafe<string>()
  gates.set(name, made)
  return made
}
export const open = (name: string, value = name) => Effect.runSync(Deferred.succeed(gate(name), value))

/** How often a result of `Counted` was written as JSON. */
export const encoded = { times: 0 }

/** How often `Named` has run. */
const named = { times: 0 }

const thrown = (what: string): never => {
  throw new Error(`thrown while ${what}`)
}

export class group extends RpcGroup.make(
  Rpc.make("Echo", { payload: { message: Schema.String }, success: Schema.String }),
  Rpc.make("Gate", { payload: { name: Schema.String }, success: Schema.String }),
  Rpc.make("Fail", { payload: { why: Schema.String }, error: Refusal }),
  Rpc.make("Die", { payload: { text: Schema.String } }),
  Rpc.make("Nested", {
    payload: { list: Schema.Array(Schema.Struct({ count: Schema.Int })), on: Schema.Date },
    success: Schema.Date
  }),
  Rpc.make("Throws", {
    payload: { when: Schema.String.check(Schema.makeFilter((when) => when !== "decoding" || thrown("decoding"))) },
    success: Schema.Unknown.check(Schema.makeFilter((value) => value !== "checking" || thrown("encoding")))
  }),
  Rpc.make("Named", {
    payload: { name: Schema.String },
    primaryKey: ({ name }) => name,
    success: Schema.String
  }),
  Rpc.make("Counted", { success: Schema.Unknown }),
  Rpc.make("Misfit", { error: Schema.Struct({ code: Schema.Int }) }),
  Rpc.make("Any", { payload: Schema.Unknown, success: Schema.Unknown }),
  Rpc.make("Hostile", {
    payload: { name: Schema.String, how: Schema.Literals(["succeed", "fail", "die"]), isSlow: Schema.Boolean },
    success: Schema.Unknown,
    error: Schema.Unknown
  }),
  Rpc.make("Later", { payload: { at: Schema.String }, error: NotBefore.NotBefore }),
  Rpc.make("Who", { success: Schema.Array(Schema.UndefinedOr(Schema.String)) }),
  Rpc.make("mail.send", { success: Schema.String }),
  Rpc.make("images/resize", { success: Schema.String })
) {}

/** Whose request it is, by Node's async context, and what `Who` has answered. */
export const storage = new AsyncLocalStorage<string | undefined>()
export const seen: Array<ReadonlyArray<string | undefined>> = []

export const layer = group.toLayer({
  Who: () => {
    const first = storage.getStore()
    return Effect.sleep(2).pipe(
      Effect.map(() => {
        const both = [first, storage.getStore()]
        seen.push(both)
        return both
      })
    )
  },
  Echo: ({ message }) => Effect.succeed(message),
  Gate: ({ name }) => Deferred.await(gate(name)),
  Fail: ({ why }) => new Refusal({ why, at: new Date(0) }),
  Die: ({ text }) => Effect.die(new Error(text)),
  Nested: ({ on }) => Effect.succeed(on),
  Throws: ({ when }) =>
    Effect.succeed(
      when === "checking"
        ? when
        : {
            get value() {
              return thrown("encoding")
            }
          }
    ),
  Later: ({ at }) => NotBefore.of("1 hour", { at }),
  Misfit: () => Effect.fail(Object.assign(new Error("the password is 1234"), { code: 1.5 })),
  Named: ({ name }) => Effect.sync(() => `${name} ${++named.times}`),
  Counted: () =>
    Effect.succeed({
      get value() {
        return ++encoded.times
      }
    }),
  Any: (payload) => Effect.succeed(payload),
  Hostile: ({ how, isSlow, name }) => {
    const give = Effect.suspend(() => Effect[how](hostile[name]!()))
    return isSlow
      ? Effect.andThen(
          Effect.promise(() => new Promise(setImmediate)),
          give
        )
      : give
  },
  "mail.send": () => Effect.succeed("sent"),
  "images/resize": () => Effect.succeed("resized")
})
