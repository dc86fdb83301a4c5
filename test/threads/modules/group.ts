/** What the handlers of the tests on threads are asked: the declaration alone, as the pool's side imports it. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

export class Odd extends Schema.TaggedError<Odd>()("Odd", { n: Schema.Number, when: Schema.Date }) {}

export const Add = Rpc.make("Add", { payload: { a: Schema.Number, b: Schema.Number }, success: Schema.Number })
export const Halve = Rpc.make("Halve", {
  payload: { n: Schema.Number },
  success: Schema.Option(Schema.Number),
  error: Odd
})
export const Boom = Rpc.make("Boom", { payload: { message: Schema.String } })
/** Computes for so long; `Infinity`: for ever. */
export const Spin = Rpc.make("Spin", { payload: { millis: Schema.Number } })
export const Sleep = Rpc.make("Sleep", { payload: { millis: Schema.Number, cleanUpMillis: Schema.Number } })

export const group = RpcGroup.make(Add, Halve, Boom, Spin, Sleep)
