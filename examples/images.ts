/** What `threads-effect.ts` asks of its threads: the declaration alone, which both sides import. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

export class Images extends RpcGroup.make(
  /** The pixels, one byte each, in rows of `width`, each the mean of those around it. */
  Rpc.make("Blur", {
    payload: { pixels: Schema.Uint8Array, width: Schema.Int, radius: Schema.Int },
    success: Schema.Uint8Array
  }),
  /** Points of the Mandelbrot set among `side * side`. With `steps: Infinity` it never knows. */
  Rpc.make("Mandelbrot", { payload: { side: Schema.Int, steps: Schema.Number }, success: Schema.Int })
) {}
