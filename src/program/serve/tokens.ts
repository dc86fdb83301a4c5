/** The tokens of tenants. They are read, checked, and never told. */
import { Effect, Redacted } from "effect"
import { isKey, expectedKey } from "../../http/keys.ts"
import type { KeyFrom } from "../../http/tenants.ts"
import { secret } from "../daemon/token.ts"
import type { BadUsage } from "../errors.ts"
import { type Found, expected, readRecord, withoutIt } from "../settings/sources.ts"
import { settings, type Values } from "../settings/table.ts"

const { kind } = settings.token

/** By the name of the tenant. */
export const tokensOf = (
  { tokensFile }: Values,
  origins: Found["origins"],
  operator: Redacted.Redacted | undefined
): Effect.Effect<ReadonlyMap<string, Redacted.Redacted>, BadUsage> =>
  Effect.gen(function* () {
    const tokens = new Map<string, Redacted.Redacted>()
    if (tokensFile === undefined) return tokens
    const { label } = origins.tokensFile
    const known = new Set(operator === undefined ? [] : [Redacted.value(operator)])
    const content = yield* readRecord(tokensFile, label, "an object with a token for each tenant")
    for (const [name, token] of Object.entries(content)) {
      const shown = JSON.stringify(name.slice(0, 40))
      if (!isKey(name)) return yield* expected({ label }, `a file with names of ${expectedKey}`, shown)
      const of = { label: `the token of ${shown} in ${tokensFile}` }
      if (typeof token !== "string" || kind.read(token) === undefined) {
        return yield* expected(of, kind.expected, typeof token === "string" ? withoutIt(token) : `a ${typeof token}`)
      }
      if (known.has(token)) return yield* expected(of, "another one than that of anybody else", "the same")
      known.add(token)
      tokens.set(name, secret(token))
    }
    if (tokens.size === 0) return yield* expected({ label }, "a file with the token of at least one tenant", "none")
    return tokens
  })

/** A tenant's token says whose its requests are, always: else it could be told to be another's. */
export const keyFromOf = (
  { keyFrom, tokensFile }: Values,
  origins: Found["origins"]
): Effect.Effect<KeyFrom, BadUsage> => {
  if (tokensFile === undefined) {
    if (keyFrom !== "token") return Effect.succeed(keyFrom ?? "query")
    return expected(origins.keyFrom, `"query" or "header:NAME" without ${origins.tokensFile.label}`, '"token"')
  }
  if (keyFrom === undefined || keyFrom === "token") return Effect.succeed("token")
  return expected(origins.keyFrom, `"token" with ${origins.tokensFile.label}`, `"${origins.keyFrom.text}"`)
}
