/** The flags that say who runs next. */
import { Effect, Result } from "effect"
import type { Discipline, Limit, PoolConfig } from "../../index.ts"
import { BadUsage } from "../errors.ts"
import { limitForm, limitOfText } from "../settings/limits.ts"
import { keyCapacityOr, millisOr, numberOf } from "../settings/quantities.ts"

/** As the command line gives them; `undefined` is not set. */
export interface QueueFlags {
  readonly limit: ReadonlyArray<string>
  readonly weight: ReadonlyArray<string>
  readonly aging: string | undefined
  readonly order: Discipline.Order | undefined
  readonly keyCapacity: string | undefined
}

export const parseQueue = (flags: QueueFlags): Effect.Effect<PoolConfig.Options, BadUsage> =>
  Effect.gen(function* () {
    const limits = yield* Effect.forEach(flags.limit, parseLimit)
    const weights = new Map(yield* Effect.forEach(flags.weight, parseWeight))
    const { aging, keyCapacity, order } = flags
    return {
      ...(limits.length === 0 ? {} : { limits }),
      ...(weights.size === 0 ? {} : { weight: (key: string) => weights.get(key) ?? 1 }),
      aging: millisOr(aging),
      order,
      keyCapacity: keyCapacityOr(keyCapacity)
    }
  })

const parseLimit = (text: string): Effect.Effect<Limit.Limit, BadUsage> => {
  const limit = limitOfText(text)
  if (Result.isSuccess(limit)) return Effect.succeed(limit.success)
  const { actual, expected, field } = limit.failure
  const reason =
    field === "limits"
      ? `Expected --limit to be ${limitForm}, got ${actual}`
      : `Expected --limit ${text} to have a ${field} that is ${expected}, got ${actual}`
  return new BadUsage({ reason })
}

const parseWeight = (text: string): Effect.Effect<readonly [key: string, weight: number], BadUsage> => {
  const equals = text.lastIndexOf("=")
  const weight = numberOf(text.slice(equals + 1))
  return equals > 0 && weight !== undefined && weight > 0
    ? Effect.succeed([text.slice(0, equals), weight])
    : new BadUsage({ reason: `Expected --weight to be KEY=WEIGHT with a WEIGHT above 0, got "${text}"` })
}
