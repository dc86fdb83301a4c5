/** The operator's token. It is read, checked, and never told. */
import { Effect, Redacted } from "effect"
import { BadUsage } from "../errors.ts"
import { type Found, expected, readText, withoutIt } from "../settings/sources.ts"
import { settings, type Values } from "../settings/table.ts"

export const secret = (text: string) => Redacted.make(text, { label: "token" })
const { kind } = settings.token

export const tokenOf = (
  { token, tokenFile }: Values,
  origins: Found["origins"]
): Effect.Effect<Redacted.Redacted | undefined, BadUsage> =>
  Effect.gen(function* () {
    if (tokenFile === undefined) return token === undefined ? undefined : secret(token)
    const { label } = origins.tokenFile
    if (token !== undefined) {
      return yield* new BadUsage({ reason: `Expected only one of ${origins.token.label} and ${label}, got both` })
    }
    const text = (yield* readText(tokenFile, label)).trim()
    if (kind.read(text) === undefined) {
      return yield* expected({ label }, `a file that holds ${kind.expected}`, withoutIt(text))
    }
    return secret(text)
  })
