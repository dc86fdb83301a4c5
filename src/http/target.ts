/** What a request is for: the host that it names, once, and the path. */
import type { IncomingMessage } from "node:http"
import { invalid, type Problem } from "./problem.ts"

/**
 * Why it cannot be told, if it cannot. A proxy may send the whole address as the target: then the path is left of it, since
 * routes and guard know that alone.
 */
export const settle = (request: IncomingMessage): Problem | undefined => {
  const { headers, rawHeaders, url = "/" } = request
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length === 4 && name.toLowerCase() === "host") hosts++
  }
  // Node takes the first; whoever stands before us may have looked at another.
  if (hosts > 1) return twoHosts
  // `*` is the service itself (of `OPTIONS`).
  if (url.startsWith("/") || url === "*") return undefined
  if (!URL.canParse(url)) return noTarget
  const { host, pathname, search } = new URL(url)
  if (headers.host !== undefined && host !== authorityOf(headers.host)) return otherHost
  request.url = pathname + search
  return undefined
}

/** As it is in an address: in lower case, and without the port that goes without saying. */
const authorityOf = (host: string): string | undefined =>
  URL.canParse(`http://${host}`) ? new URL(`http://${host}`).host : undefined

const twoHosts = invalid("Host", "Expected the request to have one `Host`, got several")

const noTarget = invalid("target", "Expected the target of the request to be a path, or an address that can be read")

const otherHost: Problem = {
  status: 421,
  kind: "host",
  title: "Misdirected Request",
  detail: "Expected the host in the target to be that of `Host`, got another",
  members: { field: "Host" }
}
