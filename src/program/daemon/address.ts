/** Where a service listens, and how patient it is there. */
import { Effect } from "effect"
import { isLoopback } from "../../http/guard.ts"
import { BadUsage } from "../errors.ts"
import { expected, type Found } from "../settings/sources.ts"
import { flagOf, variableOf } from "../settings/table.ts"

export interface Address {
  readonly host: string
  readonly port: number
  readonly maxConnections: number
  readonly requestTimeoutMillis: number
  readonly headersTimeoutMillis: number
}

/** Other machines are let in only where they must show a token. */
export const addressOf = ({ origins, values }: Found, hasToken: boolean): Effect.Effect<Address, BadUsage> => {
  const { host, maxConnections, port, requestTimeout } = values
  if (!hasToken && !isLoopback(host)) {
    const what = "an address that only this machine reaches, such as 127.0.0.1, while there is no token"
    const advice = `to let others in, set ${variableOf("token")} or ${flagOf("tokenFile")}`
    return expected(origins.host, what, `"${host}"; ${advice}`)
  }
  const headersTimeoutMillis = values.headersTimeout ?? Math.min(10_000, requestTimeout)
  if (headersTimeoutMillis > requestTimeout) {
    const most = `at most ${origins.requestTimeout.label} (${origins.requestTimeout.text})`
    return expected(origins.headersTimeout, most, `"${origins.headersTimeout.text}"`)
  }
  return Effect.succeed({ host, port, maxConnections, requestTimeoutMillis: requestTimeout, headersTimeoutMillis })
}

/** The module that a service cannot do without. */
export const handlersOf = ({ values }: Found): Effect.Effect<string, BadUsage> =>
  values.handlers === undefined
    ? new BadUsage({
        reason: `Expected ${flagOf("handlers")}, ${variableOf("handlers")} or \`handlers\` in the file of ${flagOf("config")} to name a module of handlers`
      })
    : Effect.succeed(values.handlers)
