/** How many workers a load needs, by queueing theory. */

/**
 * The probability that a request has to wait at all, with `servers` workers and a load of `load` busy ones on average
 * (A. K. Erlang, 1917: the "C" formula, by the recursion for his "B" formula). 1 when the load is more than they can do.
 */
export const erlangC = (servers: number, load: number): number => {
  if (load >= servers) return 1
  if (load <= 0) return 0
  return fromB(blocking(servers, load), servers, load)
}

/**
 * The least number of workers with which no more than `share` of the requests wait longer than `waitMillis`, when one
 * takes `serviceMillis` on average: in a queue M/M/c, P(wait > t) = C exp(-(c - load) t / service).
 */
export const serversFor = (load: number, serviceMillis: number, waitMillis: number, share: number): number => {
  if (!(load > 0)) return 0
  let servers = Math.floor(load) + 1
  let b = blocking(servers, load)
  const patience = serviceMillis > 0 ? waitMillis / serviceMillis : Infinity
  while (fromB(b, servers, load) * Math.exp(-(servers - load) * patience) > share) b = nextBlocking(b, ++servers, load)
  return servers
}

const nextBlocking = (b: number, servers: number, load: number) => (load * b) / (servers + load * b)

/** Erlang's B. The terms far below the load are 1 for all that a double can tell: they are left out. */
const blocking = (servers: number, load: number): number => {
  const from = Math.max(0, Math.floor(load - 12 * Math.sqrt(load) - 12))
  let b = from === 0 ? 1 : 1 - from / load
  for (let n = from + 1; n <= servers; n++) b = nextBlocking(b, n, load)
  return b
}

const fromB = (b: number, servers: number, load: number): number => b / (1 - (load / servers) * (1 - b))
