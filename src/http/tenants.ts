/**
 * Whose requests are whose: who comes with the token of a tenant, or with the header in which a proxy names one, has no other key
 * than that, sees and changes its own requests alone, and has none of the levers. Everybody else is the operator.
 */
import { Redacted } from "effect"
import { createHash } from "node:crypto"
import { isKey } from "./keys.ts"
import { invalid, type Problem } from "./problem.ts"

/** `"query"`: who sends a request says whose it is. `"token"`: the token does. `header`: that header, which only a proxy can set. */
export type KeyFrom = "query" | "token" | { readonly header: string }

export interface Options {
  readonly keyFrom: KeyFrom
  /** The token of each tenant. */
  readonly tokens: ReadonlyMap<string, Redacted.Redacted>
}

type Headers = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: Headers
}

export class Tenants {
  /** By the hash of the token. */
  private readonly names: ReadonlyMap<string, string>
  private readonly header: string | undefined

  constructor({ keyFrom, tokens }: Options) {
    this.names = new Map([...tokens].map(([name, token]) => [hashOf(Redacted.value(token)), name]))
    this.header = typeof keyFrom === "object" ? keyFrom.header.toLowerCase() : undefined
  }

  get haveTokens(): boolean {
    return this.names.size > 0
  }

  isToken(token: string): boolean {
    return this.names.has(hashOf(token))
  }

  /** The tenant that asks; `undefined`: the operator. */
  of(headers: Headers): string | undefined {
    if (this.header !== undefined) {
      const name = headers[this.header]
      return name === undefined ? undefined : String(name)
    }
    if (this.names.size === 0) return undefined
    const token = bearerOf(headers["authorization"])
    return token === undefined ? undefined : this.names.get(hashOf(token))
  }

  /** Why the request is refused, if it is: after it was seen that its token is one. */
  check({ headers, method, path }: Asked): Problem | undefined {
    const tenant = this.of(headers)
    if (this.header !== undefined) {
      // Whoever sets the header has to set it always: else a client that gets past would have no key at all.
      if (tenant === undefined) return sends(method, path) ? noTenant(this.header) : undefined
      if (!isName(tenant)) return wrongTenant(this.header)
    }
    return tenant === undefined || isForTenants(path) ? undefined : forOperators
  }

  /** The key that a request is to have, of those that its client may choose; or that it may not choose this one. */
  keyOf(tenant: string | undefined, wanted: string | undefined): { readonly key: string | undefined } | Problem {
    if (tenant === undefined || wanted === tenant || wanted === undefined) return { key: tenant ?? wanted }
    return otherKey
  }
}

/** Nobody is a tenant. */
export const none = new Tenants({ keyFrom: "query", tokens: new Map() })

/** The token of `Authorization: Bearer TOKEN`. */
export const bearerOf = (authorization: string | ReadonlyArray<string> | undefined): string | undefined =>
  /^Bearer +(\S+)$/i.exec(String(authorization ?? ""))?.[1]

/** What is looked up is no secret, but its hash: how long that takes tells nothing of one. */
const hashOf = (token: string): string => createHash("sha256").update(token).digest("base64")

/** As one header that was sent once has it: of several Node makes one, with commas between. */
const isName = (text: string): boolean => isKey(text) && /^[\x21-\x2b\x2d-\x7e]+$/.test(text)

const sends = (method: string, path: string): boolean =>
  method === "POST" && (path.startsWith("/requests/") || path === "/rpc")

const isForTenants = (path: string): boolean =>
  path === "/requests" ||
  path.startsWith("/requests/") ||
  ["/rpc", "/openapi.json", "/docs"].includes(path) ||
  path.startsWith("/docs/") ||
  isOpen(path)

/** What a browser needs before it has logged in, and what a supervisor asks. */
export const isOpen = (path: string): boolean =>
  path === "/" || path === "/session" || path.startsWith("/assets/") || path.startsWith("/health/")

const noTenant = (header: string): Problem =>
  invalid(header, `Expected the request to have \`${header}\`, which says whose it is, got none`)

const wrongTenant = (header: string): Problem =>
  invalid(
    header,
    `Expected \`${header}\` once, with 1 to 256 visible ASCII characters and no comma, got something else`
  )

const forbidden = (kind: string, detail: string): Problem => ({ status: 403, kind, title: "Forbidden", detail })

const forOperators = forbidden("operator", "This is for whoever operates the service, and not for a tenant of it")

const otherKey: Problem = {
  ...forbidden(
    "tenant",
    "Expected no other `key` than the tenant's own: whose a request is comes from its token, or from a header"
  ),
  members: { field: "key" }
}
