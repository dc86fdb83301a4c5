/** `FILE.state`, beside the outcomes: which input they belong to. */
import { Effect, Schema } from "effect"
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { BadUsage, codeOf, messageOf, OutcomesNotWritten } from "../errors.ts"
import type { Identity } from "./requests.ts"

const RunState = Schema.Struct({
  format: Schema.Literal(1),
  /** For people: where the requests came from. */
  requests: Schema.String,
  input: Schema.Struct({
    kind: Schema.Literals(["file", "stream"]),
    /** The size of a file, or how much of a stream the hash covers. */
    bytes: Schema.Int,
    sha256: Schema.String
  })
})

const pathOf = (outcomes: string) => `${outcomes}.state`

/** Written aside and renamed, so that it is there as a whole or not at all. */
export const write = (outcomes: string, requests: string, input: Identity): Effect.Effect<void, OutcomesNotWritten> =>
  Effect.try({
    try: () => {
      const path = pathOf(outcomes)
      writeFileSync(`${path}.new`, `${JSON.stringify({ format: 1, requests, input })}\n`)
      renameSync(`${path}.new`, path)
    },
    catch: (error) => new OutcomesNotWritten({ path: pathOf(outcomes), reason: messageOf(error) })
  })

/** What an earlier run recorded; `undefined` when there is no such file. */
export const read = (outcomes: string): Effect.Effect<Identity | undefined, BadUsage> =>
  Effect.suspend(() => {
    const path = pathOf(outcomes)
    let text: string
    try {
      text = readFileSync(path, "utf8")
    } catch (error) {
      if (codeOf(error) === "ENOENT") return Effect.succeed(undefined)
      return new BadUsage({ reason: `cannot read ${path}: ${messageOf(error)}` })
    }
    return Schema.decodeUnknownEffect(Schema.fromJsonString(RunState))(text).pipe(
      Effect.map(({ input }) => input as Identity),
      Effect.mapError(() => new BadUsage({ reason: `${path} is not what a run of this version writes` }))
    )
  })
