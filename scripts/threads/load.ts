/** A load of HTTP: so many connections, each of which waits for its answer before it asks again. */
import { Agent, request } from "node:http"

export interface Answer {
  readonly status: number
  readonly millis: number
}

/** The time until an answer has come whole. */
export const ask = (url: string, agent: Agent, body?: object): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const started = performance.now()
    const method = body === undefined ? "GET" : "POST"
    const headers = body === undefined ? {} : { "content-type": "application/json", prefer: "wait=30" }
    const asked = request(url, { agent, method, headers }, (response) => {
      response.on("error", reject)
      response.on("end", () => resolve({ status: response.statusCode!, millis: performance.now() - started }))
      response.resume()
    })
    asked.on("error", reject)
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })

export interface Load {
  readonly perSecond: number
  /** Answers that are no 2xx. */
  readonly notOk: number
}

/** Counts answers for so long; those that come later count for nothing. */
export const load = async (url: string, body: object, seconds: number, connections: number): Promise<Load> => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const started = performance.now()
  const until = started + seconds * 1000
  let answers = 0
  let notOk = 0
  const client = async () => {
    while (performance.now() < until) {
      const { status } = await ask(url, agent, body)
      if (performance.now() >= until) return
      answers++
      if (status !== 200) notOk++
    }
  }
  await Promise.all(Array.from({ length: connections }, client))
  agent.destroy()
  return { perSecond: answers / seconds, notOk }
}
