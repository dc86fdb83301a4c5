/** Who advises, as the service knows it. */
import type { Effect } from "effect"
import type { AdviceResource } from "./adviceShapes.ts"

/** Computes advice, at most once in some minutes. */
export interface Advisor {
  /** `today` is how the pool is set now, as far as it can be changed. */
  readonly ask: (today: Levers) => Effect.Effect<TooLittle | Asked>
}

export interface Levers {
  readonly policy: string
  readonly minWorkers: number
  readonly maxWorkers: number
}

/** Its advice of late, or one that is being computed: not to wait for it ends nothing. */
export interface Asked {
  readonly _tag: "Asked"
  readonly answer: Effect.Effect<Answer>
}

export type Answer =
  | { readonly _tag: "Some"; readonly advice: Advice }
  /** There can be none. */
  | { readonly _tag: "None"; readonly why: string }

export type Advice = Omit<Extract<typeof AdviceResource.Type, { readonly state: "ready" }>, "state">

/** So much more is needed, of each. */
export interface TooLittle {
  readonly _tag: "TooLittle"
  readonly requests: number
  readonly millis: number
}
