/**
 * Who may ask. Without a token only programs on this machine can reach the service, and no page of another site may use
 * their browser to do it: the `Host` must be a name of this machine (DNS rebinding), and an `Origin` must be our own.
 */
import { Redacted } from "effect"
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import { isIPv4 } from "node:net"
import { invalid, type Problem } from "./problem.ts"
import { bearerOf, isOpen, none, type Tenants } from "./tenants.ts"

/** Whether nobody but this machine can reach an address. */
export const isLoopback = (host: string): boolean =>
  (isIPv4(host) && host.startsWith("127.")) || host === "::1" || host === "localhost" || host.endsWith(".localhost")

export interface Asked {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

const sessionMillis = 12 * 3_600_000
const mostSessions = 1000
const cookieName = "worker-pool-session"

export class Guard {
  private readonly token: Buffer | undefined
  private readonly tenants: Tenants
  private readonly checksHost: boolean
  private readonly now: () => number
  /** The hash of each cookie, and until when it holds. */
  private readonly sessions = new Map<string, number>()
  private lastHost = ""
  private isLastOurs = false

  constructor(options: {
    readonly token: Redacted.Redacted | undefined
    readonly tenants?: Tenants
    readonly host: string
    readonly now: () => number
  }) {
    this.token = options.token === undefined ? undefined : hash(Redacted.value(options.token))
    this.tenants = options.tenants ?? none
    this.checksHost = isLoopback(options.host)
    this.now = options.now
  }

  get isTokenRequired(): boolean {
    return this.token !== undefined || this.tenants.haveTokens
  }

  /** Why the request is refused, if it is. */
  check(asked: Asked): Problem | undefined {
    return this.checkSender(asked) ?? (isOpen(asked.path) ? undefined : this.tenants.check(asked))
  }

  private checkSender({ headers, method, path }: Asked): Problem | undefined {
    const { host, origin } = headers
    if (host === undefined) return noHost
    if (this.checksHost && !this.isOurs(host)) return wrongHost
    const isChange = method !== "GET" && method !== "HEAD"
    if (origin !== undefined && isChange && !isSameOrigin(origin, host)) return wrongOrigin
    if (!this.isTokenRequired || isOpen(path)) return undefined
    if (this.isBearer(headers.authorization)) return undefined
    if (!this.isLoggedIn(headers.cookie)) return unauthorized
    return isChange && origin === undefined ? wrongOrigin : undefined
  }

  /** Of the operator: a session is theirs. */
  isToken(token: string): boolean {
    // Of equal length, whatever was given: the comparison takes the same time.
    return this.token !== undefined && timingSafeEqual(hash(token), this.token)
  }

  isLoggedIn(cookies: string | undefined): boolean {
    const cookie = sessionOf(cookies)
    if (cookie === undefined) return false
    const until = this.sessions.get(nameOf(cookie))
    return until !== undefined && until > this.now()
  }

  /** A new session, as the value of `Set-Cookie`. */
  logIn(): string {
    const cookie = randomBytes(32).toString("base64url")
    this.adopt(nameOf(cookie), this.now() + sessionMillis)
    return `${cookieName}=${cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${sessionMillis / 1000}`
  }

  /** A session that another process of the service has begun, by the hash of its cookie. */
  adopt(name: string, until: number): void {
    const now = this.now()
    for (const [name, until] of this.sessions) {
      if (until <= now || this.sessions.size >= mostSessions) this.sessions.delete(name)
    }
    this.sessions.set(name, until)
  }

  /** Those that hold, for a process that has just begun. */
  get known(): ReadonlyArray<readonly [name: string, until: number]> {
    return [...this.sessions]
  }

  /** Ends the session, and answers what takes the cookie away. */
  logOut(cookies: string | undefined): string {
    const cookie = sessionOf(cookies)
    if (cookie !== undefined) this.sessions.delete(nameOf(cookie))
    return `${cookieName}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`
  }

  private isOurs(host: string): boolean {
    // A client says the same each time.
    if (host !== this.lastHost) {
      this.isLastOurs = isLoopback(hostOf(host))
      this.lastHost = host
    }
    return this.isLastOurs
  }

  private isBearer(authorization: string | undefined): boolean {
    const token = bearerOf(authorization)
    return token !== undefined && (this.isToken(token) || this.tenants.isToken(token))
  }
}

const hash = (text: string): Buffer => createHash("sha256").update(text).digest()
const nameOf = (cookie: string): string => hash(cookie).toString("base64url")

const sessionOf = (cookies: string | undefined): string | undefined =>
  cookies
    ?.split(";")
    .map((cookie) => cookie.trim())
    .find((cookie) => cookie.startsWith(`${cookieName}=`))
    ?.slice(cookieName.length + 1)

/** A `Host` without its port. */
const hostOf = (host: string): string => {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? []
  return (bracketed ?? plain ?? "").toLowerCase()
}

const isSameOrigin = (origin: string, host: string | undefined): boolean =>
  host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)

const noHost: Problem = invalid("Host", "Expected the request to have a `Host`, got none")

const wrongHost: Problem = {
  status: 421,
  kind: "host",
  title: "Misdirected Request",
  detail: "Expected `Host` to be a name of this machine, such as localhost or 127.0.0.1",
  members: { field: "Host" }
}

const wrongOrigin: Problem = {
  status: 403,
  kind: "origin",
  title: "Forbidden",
  detail: "Expected `Origin` to be that of this service: pages of other sites may change nothing here",
  members: { field: "Origin" }
}

const unauthorized: Problem = {
  status: 401,
  kind: "token",
  title: "Unauthorized",
  detail: "Expected `Authorization: Bearer TOKEN` with the token of this service, or the cookie of a session",
  headers: { "www-authenticate": "Bearer" }
}
