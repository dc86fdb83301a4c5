/** What every store promises, as tests: those in memory and on PostgreSQL are held to the same. */
import { describe } from "@effect/vitest"
import type { Effect, Scope } from "effect"
import type { Store } from "../../src/durable/Store.ts"
import { ending } from "./store/ending.ts"
import { makeSuite, type Options } from "./store/fixture.ts"
import { looking } from "./store/looking.ts"
import { random } from "./store/random.ts"
import { storing } from "./store/storing.ts"
import { together } from "./store/together.ts"

/**
 * Each test makes a store, or is given one that others have used: it has tags of its own. With a real clock the suite takes some 20 s,
 * 12 of them for claims to lapse.
 */
export const storeSuite = (
  name: string,
  makeStore: Effect.Effect<Store["Service"], unknown, Scope.Scope>,
  options: Options
): void => {
  describe(name, () => {
    const suite = makeSuite(makeStore, options)
    storing(suite)
    ending(suite)
    looking(suite)
    together(suite)
    random(suite)
  })
}
