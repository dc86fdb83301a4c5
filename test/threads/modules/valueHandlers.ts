/** What the tests of what crosses to a thread run there. */
import { Cause, Effect, Layer, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { parentPort } from "node:worker_threads"
import * as asked from "./values.ts"

const NarrowHere = Rpc.make("Narrow", { payload: { n: Schema.Literal(1) }, success: Schema.Number })
const { Narrow: _, ...others } = Object.fromEntries(asked.group.requests) as Record<string, Rpc.Any>

export const group: RpcGroup.RpcGroup<any> = RpcGroup.make(...(Object.values(others) as Array<never>), NarrowHere)

const answers: Record<string, Effect.Effect<any, any>> = {
  "a text": Effect.succeed("one"),
  "a failure": Effect.fail("one"),
  "both, wrongly": Effect.failCause(Cause.combine(Cause.fail("one"), Cause.die("two")))
}

export const layer = group
  .toLayer({
    ...Object.fromEntries(Object.keys(asked.echoed).map((tag) => [tag, (value: unknown) => Effect.succeed(value)])),
    Doubled: ({ point }: { point: asked.Point }) =>
      point instanceof asked.Point ? Effect.succeed(point.double) : Effect.die("no point"),
    Multiplied: ({ n }: { n: number }) => Effect.succeed(n),
    Ends: ({ how }: { how: string }) => {
      const tooFar = new asked.TooFar({ by: 3n, at: new asked.Point({ x: 1, at: new Date(5) }) })
      switch (how) {
        case "fail":
          return Effect.fail(tooFar)
        case "fail and die":
          return Effect.failCause(Cause.combine(Cause.fail(tooFar), Cause.die(new RangeError("besides"))))
        case "die":
          return Effect.die(new TypeError("boom"))
        case "interrupt":
          return Effect.interrupt
        default:
          return Effect.addFinalizer(() => Effect.die(new RangeError("in its finalizer")))
      }
    },
    WithStack: () => Effect.die(new TypeError("boom")),
    Throwing: ({ text }: { text: string }) =>
      text === "fail" ? Effect.fail("encode") : Effect.succeed(text === "back" ? "decode" : "encode"),
    Answers: (text: string) => answers[text]!,
    Uncloneable: ({ value }: { value: unknown }) =>
      Effect.succeed(
        value === "function"
          ? () => {}
          : value === "getter"
            ? {
                get it() {
                  throw new Error("looked at")
                }
              }
            : value
      ),
    NeverEncoded: () => Effect.succeed(1),
    Unreadable: () =>
      Effect.callback(() => {
        parentPort!.emit("messageerror", new Error("not to be read"))
      }),
    Narrow: ({ n }: { n: number }) => Effect.succeed(n)
  } as never)
  .pipe(Layer.provide(Layer.succeed(asked.Factor, 10))) as Layer.Layer<any>
