/** What the flags and settings of a recording ask for, together. */
import { Result } from "effect"
import type * as Recording from "../../Recording.ts"
import { BadUsage } from "../errors.ts"
import type { Values } from "./table.ts"

type Name = "record" | "recordMaxBytes" | "recordKeys"

/** `undefined`: nothing is recorded. `labels` is how an error names each; `works` is whether this process runs any attempts. */
export const recordOf = (
  { record, recordKeys, recordMaxBytes }: Pick<Values, Name>,
  labels: Readonly<Record<Name | "noWorkers", string>>,
  policy: string,
  works: boolean
): Result.Result<Recording.Options | undefined, BadUsage> => {
  if (record !== undefined) {
    if (!works) {
      const reason = `Expected ${labels.record} to come without ${labels.noWorkers}: those who work on the requests record them`
      return Result.fail(new BadUsage({ reason }))
    }
    return Result.succeed({ path: record, maxBytes: recordMaxBytes, plainKeys: recordKeys === "plain", policy })
  }
  const given =
    recordMaxBytes !== undefined ? labels.recordMaxBytes : recordKeys !== undefined ? labels.recordKeys : undefined
  if (given === undefined) return Result.succeed(undefined)
  return Result.fail(new BadUsage({ reason: `Expected ${given} to come with ${labels.record}, which it is about` }))
}
