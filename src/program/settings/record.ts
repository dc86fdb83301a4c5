/** What the flags and settings of a recording ask for, together. */
import { Result } from "effect"
import type * as Recording from "../../Recording.ts"
import { BadUsage } from "../errors.ts"
import type { Values } from "./table.ts"

type Name = "record" | "recordMaxBytes" | "recordKeys"

/** `undefined`: nothing is recorded. `labels` is how an error names each. */
export const recordOf = (
  { record, recordKeys, recordMaxBytes }: Pick<Values, Name>,
  labels: Readonly<Record<Name, string>>,
  policy: string
): Result.Result<Recording.Options | undefined, BadUsage> => {
  if (record !== undefined) {
    return Result.succeed({ path: record, maxBytes: recordMaxBytes, plainKeys: recordKeys === "plain", policy })
  }
  const given =
    recordMaxBytes !== undefined ? labels.recordMaxBytes : recordKeys !== undefined ? labels.recordKeys : undefined
  if (given === undefined) return Result.succeed(undefined)
  return Result.fail(new BadUsage({ reason: `Expected ${given} to come with ${labels.record}, which it is about` }))
}
