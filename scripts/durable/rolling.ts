/** All processes of a store are stopped and started again in turn, twice, while callers ask two of them by HTTP. */
import { Agent, request as ask } from "node:http"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { type Program, startProgram } from "./programs.ts"
import { type Server, temporaryFolder } from "./server.ts"

export interface Options {
  /** Requests per second. */
  readonly rate: number
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly location: string | undefined
}

const pending: ReadonlySet<string | undefined> = new Set(["waiting", "delayed", "running"])
const handlers = join(import.meta.dirname, "handlers.ts")
/** A connection that is kept may be closed while a request is on its way: whoever keeps some asks again. Here none is kept. */
const agent = new Agent({ keepAlive: false })

export const rolling = async (server: Server, { rate }: Options) => {
  const folder = temporaryFolder("trial")
  const flags = ["--handlers", handlers, "--port", "0", "--min-workers", "4", "--max-workers", "32"]
  const environment = { WORKER_POOL_STORE: server.url, TRIAL_FOLDER: folder }
  const start = (what: "serve" | "work") => startProgram([what, ...flags], environment)
  const serves = await Promise.all([start("serve"), start("serve")])
  const works = await Promise.all([start("work"), start("work")])

  const tally: Record<string, number> = {}
  const wrong: Record<string, number> = {}
  const refuse = (what: string) => (wrong[what] = (wrong[what] ?? 0) + 1)
  const count = (what: string) => (tally[what] = (tally[what] ?? 0) + 1)
  const settled = new Set<string>()
  let turn = 0
  /** As a balancer does it: where nobody listens it goes to the other one. */
  const send = async (path: string, method: string, body?: string, key?: string): Promise<Answer> => {
    for (let tries = 0; ; tries++) {
      const { url } = serves[turn++ % serves.length]!
      try {
        return await once(`${url}${path}`, method, body, key)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED" || tries > 200) throw error
        count("nobody listened, and another one was asked")
        await sleep(10)
      }
    }
  }
  const one = async (n: number): Promise<void> => {
    try {
      const answer = await send(
        "/requests/Nap",
        "POST",
        JSON.stringify({ n, millis: 20 + 180 * Math.random() }),
        `trial-${n}`
      )
      if (answer.status === 200) return void (count("an outcome"), settled.add(`${n}`))
      if (answer.status === 503 && answer.type.startsWith("application/problem+json"))
        return void count("503, with a reason")
      if (answer.status !== 202) return void refuse(`${answer.status} ${answer.body.slice(0, 200)}`)
      for (let tries = 0; tries < 100; tries++) {
        const later = await send(answer.location!, "GET")
        const { state } = JSON.parse(later.body) as { readonly state?: string }
        if (later.status === 200 && !pending.has(state))
          return void (count("an outcome, after 202"), settled.add(`${n}`))
        if (later.status === 200) await sleep(200)
        else if (later.status !== 503) return void refuse(`GET: ${later.status} ${later.body.slice(0, 200)}`)
      }
      refuse(`${n} has no outcome`)
    } catch (error) {
      refuse(String((error as NodeJS.ErrnoException).code ?? error))
    }
  }

  const load = { isOver: false, asked: 0 }
  const answers: Array<Promise<void>> = []
  const loading = (async () => {
    const began = performance.now()
    while (!load.isOver) {
      while (load.asked < ((performance.now() - began) / 1_000) * rate) answers.push(one(load.asked++))
      await sleep(10)
    }
  })()
  const stops: Array<{ readonly process: string; readonly stopMillis: number; readonly code: number | null }> = []
  await sleep(2_000)
  for (let round = 1; round <= 2; round++) {
    for (const [what, all] of [
      ["serve", serves],
      ["work", works]
    ] as const) {
      for (let at = 0; at < all.length; at++) {
        const before = all[at]!
        const began = Date.now()
        before.signal("SIGTERM")
        const code = await before.ended
        for (const line of before
          .said()
          .split("\n")
          .filter((line) => /ERROR|rror:/.test(line))
          .slice(0, 3))
          console.log(line)
        stops.push({ process: `${what} ${at + 1}, round ${round}`, stopMillis: Date.now() - began, code })
        all[at] = await start(what)
        console.log(
          `${what} ${at + 1} stopped in ${stops.at(-1)!.stopMillis} ms, exit code ${code}, and is there again: ${JSON.stringify(tally)}`
        )
        await sleep(1_500)
      }
    }
  }
  load.isOver = true
  await loading
  await Promise.all(answers)
  const all: Array<Program> = [...serves, ...works]
  for (const { signal } of all) signal("SIGTERM")
  await Promise.all(all.map(({ ended }) => ended))
  return {
    isFine: Object.keys(wrong).length === 0 && settled.size > 0,
    asked: load.asked,
    answers: tally,
    wrong,
    stops
  }
}

const once = (url: string, method: string, body: string | undefined, key: string | undefined): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers =
      body === undefined ? {} : { "content-type": "application/json", prefer: "wait=10", "idempotency-key": key }
    const request = ask(url, { method, agent, headers }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      response.once("error", reject)
      response.once("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers["content-type"] ?? "",
          body: text,
          location: response.headers.location
        })
      )
    })
    request.once("error", reject)
    request.end(body)
  })
