/** The thread's side of a batch: its payloads, and its exits, each by itself. */
import { Effect, Exit } from "effect"
import type { Handler } from "../../Handlers.ts"
import { answersOf } from "../../internal/batch/answers.ts"
import * as codec from "../codec.ts"
import { ofGood } from "../each.ts"

/** What cannot be decoded has failed alone; of the others the handler is asked. */
export const runEach =
  (tag: string, batch: NonNullable<Handler["batch"]>, decode: ReturnType<typeof codec.decoder>) =>
  (
    payloads: unknown,
    ids: ReadonlyArray<string>,
    attempts: ReadonlyArray<number>
  ): Effect.Effect<ReadonlyArray<unknown>, unknown> =>
    Effect.flatMap(
      Effect.forEach(payloads as ReadonlyArray<unknown>, (one) => Effect.exit(decode(one))),
      (decoded) =>
        ofGood(decoded, (good) =>
          Effect.flatMap(
            batch(
              good.map(({ value }) => value),
              good.map(({ at }) => ({ id: ids[at]!, attempts: attempts[at]! }))
            ),
            (answer) => {
              const answers = answersOf(answer, good.length, tag)
              return Exit.isExit(answers) ? answers : Effect.succeed(answers)
            }
          )
        )
    )

/** What cannot be encoded is a defect of that one. */
export const encodeEach =
  (encode: ReturnType<typeof codec.encoder>): ReturnType<typeof codec.encoder> =>
  (exits) => {
    const each = Effect.forEach(exits as ReadonlyArray<unknown>, (exit) =>
      Effect.catchCause(encode(exit), (cause) => encode(Exit.failCause(cause)))
    )
    return Effect.map(each, codec.together)
  }
