/** What the settings of a store ask for, together. */
import { Result } from "effect"
import { BadUsage } from "../errors.ts"
import type { StoreAddress } from "./storeAddress.ts"
import type { Values } from "./table.ts"

/** Where requests are stored, and what of that is this process's. */
export interface StoreSettings {
  readonly address: StoreAddress
  /** Whether it works on what is stored, or only asks. */
  readonly works: boolean
  /** Whether it may change the tables to those that this version needs. */
  readonly migrates: boolean
  readonly options: {
    readonly lookAhead: number | undefined
    readonly maxHeld: number | undefined
    readonly deliveries: number | undefined
    readonly keepOutcomes: number | undefined
  }
}

/** Those that are about a store. */
export const storeNames = ["noWorkers", "noMigrate", "lookAhead", "maxHeld", "deliveries", "keepOutcomes"] as const
type Name = "store" | (typeof storeNames)[number]

/** `undefined`: requests are kept in memory. `labels` is how an error names each. */
export const storeOf = (
  values: Pick<Values, Name>,
  labels: Readonly<Record<Name, string>>
): Result.Result<StoreSettings | undefined, BadUsage> => {
  const { deliveries, keepOutcomes, lookAhead, maxHeld, noMigrate, noWorkers, store } = values
  if (store === undefined) {
    const given = storeNames.find((name) => values[name] !== undefined && values[name] !== false)
    if (given === undefined) return Result.succeed(undefined)
    const reason = `Expected ${labels[given]} to come with ${labels.store}, which it is about`
    return Result.fail(new BadUsage({ reason }))
  }
  // It is said on top of an environment or a file that has the others.
  if (store === "none") return Result.succeed(undefined)
  return Result.succeed({
    address: store,
    works: noWorkers !== true,
    migrates: noMigrate !== true,
    options: { lookAhead, maxHeld, deliveries, keepOutcomes }
  })
}
