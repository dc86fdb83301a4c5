/** What a handler has answered with. The value may be anything, and throw when it is looked at: here is where the pool does. */
import { Deferred, Exit } from "effect"
import { UnsupportedRpc } from "../../PoolError.ts"

export const answerOf = (exit: Exit.Success<unknown, unknown>, tag: string): Exit.Exit<unknown, unknown> => {
  if (typeof exit.value !== "object") return exit
  try {
    if (!Deferred.isDeferred(exit.value)) return exit
  } catch (defect) {
    return Exit.die(defect)
  }
  const reason = "its handler answered with a Deferred; a request ends with its attempt"
  return Exit.die(new UnsupportedRpc({ tag, reason }))
}

/** The answers to so many payloads, in their order; a failure: it is none for any of them. */
export const answersOf = (
  value: unknown,
  count: number,
  tag: string
): ReadonlyArray<Exit.Exit<unknown, unknown>> | Exit.Failure<never, never> => {
  try {
    if (!Array.isArray(value)) return wrong(tag, `what is no array`)
    if (value.length !== count) return wrong(tag, `${value.length} exits to ${count} payloads`)
    const answers = Array.from({ length: count }, (_, at) => value[at] as unknown)
    const other = answers.findIndex((answer) => !Exit.isExit(answer))
    return other < 0
      ? (answers as ReadonlyArray<Exit.Exit<unknown, unknown>>)
      : wrong(tag, `what is no exit, at index ${other}`)
  } catch (defect) {
    return Exit.die(defect) as Exit.Failure<never, never>
  }
}

const wrong = (tag: string, came: string): Exit.Failure<never, never> => {
  const reason = `its batched handler answered with ${came}; it answers with an array of one Exit for each payload, in their order`
  return Exit.die(new UnsupportedRpc({ tag, reason })) as Exit.Failure<never, never>
}
