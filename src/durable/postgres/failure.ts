/** What became of a statement that failed, in the pool's own words. */
import { PoolError } from "../../index.ts"

/** States of SQL that pass by themselves: connections, shutdown, overload, timeouts, a server that is to be read only. */
const passing = /^(08|53|57P0|57014|55P03|25006|40001|40P01)/
/** Codes of Node for a server that cannot be reached. */
const unreachable = new Set([
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT"
])
/** Errors of the driver that have no code. */
const driver = /timeout|terminated|not queryable|connection (error|was closed)|socket|after calling end/i

/** `away`: it may be there again later. `refused`: to ask again is useless until somebody has changed something. */
export const unavailable = (error: unknown): PoolError.StoreUnavailable => {
  const { code, errors, message } = error as {
    readonly code?: unknown
    readonly errors?: ReadonlyArray<unknown>
    readonly message?: unknown
  }
  // Each of several addresses failed in its way: the first one will do.
  if (Array.isArray(errors) && errors.length > 0) return unavailable(errors[0])
  const text = withoutSecrets(typeof message === "string" && message !== "" ? message : String(error))
  const isAway = typeof code === "string" ? passing.test(code) || unreachable.has(code) : driver.test(text)
  return new PoolError.StoreUnavailable({
    reason: isAway ? "away" : "refused",
    detail: typeof code === "string" && !text.includes(code) ? `${text} (${code})` : text
  })
}

/** Two transactions stood in each other's way: to run this one again is what helps. */
export const isConflict = (error: unknown): boolean => {
  const { code } = error as { readonly code?: unknown }
  return code === "40P01" || code === "40001"
}

const withoutSecrets = (text: string) => text.replace(/\/\/[^\s/@]*@/g, "//")
