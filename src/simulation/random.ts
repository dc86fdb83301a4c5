/** Seeded draws. Each purpose has its own generator, so that one more draw for one of them moves no other. */
import { Effect, Random } from "effect"

export interface Draw {
  /** From 0 to 1, evenly; never 1. */
  readonly uniform: () => number
  /** With mean 1. */
  readonly exponential: () => number
  /** With mean 0 and standard deviation 1. */
  readonly normal: () => number
  /** Another one for each name: what is drawn from it moves nothing here. */
  readonly of: (name: string) => Draw
}

/** Effect's own seeded generator. */
export const generator = (seed: string): typeof Random.Random.Service =>
  Effect.runSync(Random.withSeed(Effect.service(Random.Random), seed))

export const makeDraw = (seed: string): Draw => {
  const random = generator(seed)
  const uniform = () => random.nextDoubleUnsafe()
  return {
    uniform,
    exponential: () => -Math.log(1 - uniform()),
    // G. E. P. Box and M. E. Muller, 1958.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    of: (name) => makeDraw(`${seed}/${name}`)
  }
}
