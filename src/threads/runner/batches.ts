/** The thread's side of a batch: its payloads, and its exits, each by itself. */
import { Effect, Exit } from "effect"
import type { Handler } from "../../Handlers.ts"
import { answersOf } from "../../internal/batch/answers.ts"
import * as codec from "../codec.ts"

/** What cannot be decoded has failed alone; of the others the handler is asked. */
export const runEach =
  (tag: string, batch: NonNullable<Handler["batch"]>, decode: ReturnType<typeof codec.decoder>) =>
  (
    payloads: unknown,
    ids: ReadonlyArray<string>,
    attempts: ReadonlyArray<number>
  ): Effect.Effect<ReadonlyArray<unknown>, unknown> =>
    Effect.gen(function* () {
      const decoded = yield* Effect.forEach(payloads as ReadonlyArray<unknown>, (one) => Effect.exit(decode(one)))
      const good = decoded.flatMap((exit, at) => (Exit.isSuccess(exit) ? [{ payload: exit.value, at }] : []))
      if (good.length === 0) return decoded
      const answer = yield* batch(
        good.map(({ payload }) => payload),
        good.map(({ at }) => ({ id: ids[at]!, attempts: attempts[at]! }))
      )
      const answers = answersOf(answer, good.length, tag)
      if (Exit.isExit(answers)) return yield* answers
      const of = new Map(good.map(({ at }, index) => [at, answers[index]!]))
      return decoded.map((exit, at) => of.get(at) ?? exit)
    })

/** What cannot be encoded is a defect of that one. */
export const encodeEach =
  (encode: ReturnType<typeof codec.encoder>): ReturnType<typeof codec.encoder> =>
  (exits) => {
    const each = Effect.forEach(exits as ReadonlyArray<unknown>, (exit) =>
      Effect.catchCause(encode(exit), (cause) => encode(Exit.failCause(cause)))
    )
    return Effect.map(each, codec.together)
  }
