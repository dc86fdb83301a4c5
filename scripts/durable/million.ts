/**
 * What a million waiting requests cost: claims, lists and counts beside those at a thousand, and the memory of a process that works on
 * them. `npm run durable:million -- [--waiting 1000000] [--seconds 60] [--json FILE]`; with `DATABASE_URL` on that server, whose schema
 * `worker_pool` must not be there.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { Context, Effect, Exit, Layer, Redacted, Scope } from "effect"
import * as Durable from "../../src/durable/Durable.ts"
import { ended } from "../../src/durable/exits.ts"
import type { NewRequest, Session } from "../../src/durable/Store.ts"
import { PoolError } from "../../src/index.ts"
import { quantile } from "../bench/rounds.ts"
import { printTable } from "../bench/tables.ts"
import * as Lives from "./lives.ts"
import { givenServer, startServer, temporaryFolder } from "./server.ts"

const { values } = parseArgs({
  options: {
    waiting: { type: "string", default: "1000000" },
    seconds: { type: "string", default: "60" },
    json: { type: "string" }
  }
})
const [waiting, seconds] = [Number(values.waiting), Number(values.seconds)]
const few = 1_000
const claimed = 100
const rounds = 60

const url = process.env["DATABASE_URL"]
const server = url === undefined ? await startServer() : givenServer(url)
const scope = Effect.runSync(Scope.make())
const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.provideService(effect, Scope.Scope, scope))

const request = (n: number): NewRequest => ({
  id: crypto.randomUUID(),
  tag: "Nap",
  payload: { n, millis: 0 },
  priority: 0,
  key: "",
  delayMillis: 0,
  expiresInMillis: undefined,
  call: {},
  traceparent: undefined,
  resubmittedFrom: undefined,
  fingerprint: undefined
})

const fill = async (session: Session, n: number): Promise<void> => {
  const began = Date.now()
  for (let from = 0; from < n; from += 1_000) {
    const some = Array.from({ length: Math.min(1_000, n - from) }, (_, at) => request(from + at))
    await run(session.insert(some))
    if ((from + 1_000) % 100_000 === 0) {
      console.log(`${(from + 1_000).toLocaleString("en")} stored after ${Math.round((Date.now() - began) / 1_000)} s`)
    }
  }
}

const timed = async (step: Effect.Effect<unknown, unknown>): Promise<number> => {
  const began = performance.now()
  await run(step)
  return performance.now() - began
}

/** Each step's median, in milliseconds, while so many wait: what is claimed is ended, and as many are stored again. */
const measure = async (session: Session): Promise<Record<string, number>> => {
  const taken: Record<string, Array<number>> = {}
  const note = (name: string, millis: number) => (taken[name] ??= []).push(millis)
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    const claims = await run(session.claim(["Nap"], claimed))
    note(`claim ${claimed}`, performance.now() - began)
    if (claims.length !== claimed) throw new Error(`${claims.length} were claimed, not ${claimed}`)
    const ends = claims.map((claim) => ({
      claim,
      record: ended(claim.request, "cancelled", new PoolError.RequestCancelled({ tag: "Nap" }), {
        deliveries: 1,
        waitedMillis: 0
      })
    }))
    note(`end ${claimed}`, await timed(session.settle(ends)))
    note(`store ${claimed}`, await timed(session.insert(claims.map((_, n) => request(n)))))
    if (round % 6 !== 0) continue
    note("list 100 that wait", await timed(session.list({ tag: "Nap", state: "waiting", limit: 100 })))
    note("list 100 of all", await timed(session.list({ limit: 100 })))
    note("counts of all", await timed(session.counts))
    note("backlog", await timed(session.backlog(["Nap"])))
  }
  return Object.fromEntries(Object.entries(taken).map(([name, all]) => [name, quantile(all, 0.5)]))
}

const megabytesOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024

try {
  const store = Context.get(
    await run(Layer.buildWithScope(Durable.layerPostgres({ url: Redacted.make(server.url) }), scope)),
    Durable.Store
  )
  const session = await run(
    store.join({
      id: crypto.randomUUID(),
      pool: "trial",
      host: hostname(),
      pid: process.pid,
      role: "worker",
      tags: ["Nap"],
      deliveries: 5,
      keepOutcomesMillis: 7 * 86_400_000
    })
  )
  await fill(session, few)
  await measure(session)
  const atFew = await measure(session)
  await fill(session, waiting - few)
  await measure(session)
  const atMany = await measure(session)
  const steps = Object.keys(atFew).map((step) => ({
    step,
    few: atFew[step]!,
    many: atMany[step]!,
    ratio: atMany[step]! / atFew[step]!
  }))

  const life = await Lives.start("worker.ts", "worker", { folder: temporaryFolder("trial"), store: server.url })
  const before = (await run(session.counts)).succeeded
  const memory: Array<number> = []
  for (let at = 0; at < seconds; at += 5) {
    await sleep(5_000)
    memory.push(Math.round(megabytesOf(life.pid)))
  }
  const worked = (await run(session.counts)).succeeded - before
  life.signal("SIGTERM")
  await life.ended

  console.log(`\nmedians in ms, with ${few.toLocaleString("en")} and ${waiting.toLocaleString("en")} waiting`)
  printTable(
    ["", "few", "many", "ratio"],
    steps.map(({ few, many, ratio, step }) => [step, few.toFixed(1), many.toFixed(1), ratio.toFixed(2)])
  )
  console.log(
    `a process that works on them: ${worked.toLocaleString("en")} in ${seconds} s; MB every 5 s: ${memory.join(" ")}`
  )
  const isFine = steps[0]!.ratio <= 1.5
  console.log(isFine ? "as it must be" : "NOT as it must be: claims take more than 1.5 times as long")
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ few, waiting, steps, memory, worked }, undefined, 2)}\n`)
  }
  process.exitCode = isFine ? 0 : 1
} finally {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await server.close()
}
process.exit()
