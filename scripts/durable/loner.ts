/** One life of a process that asks and works, on a PostgreSQL of its own folder, for a trial. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Layer, ManagedRuntime } from "effect"
import * as Durable from "../../src/durable/Durable.ts"
import { WorkerPool } from "../../src/index.ts"
import { idOf } from "./asking.ts"
import { Nap } from "./group.ts"
import { forPool as handlers } from "./handlers.ts"
import { offer, until } from "./killing.ts"
import { Log, read } from "./log.ts"
import { judge } from "./verdict.ts"

const [folder, directory] = [process.env["TRIAL_FOLDER"]!, process.env["TRIAL_STORE"]!]
const [requests, rate] = [Number(process.env["TRIAL_REQUESTS"]), Number(process.env["TRIAL_RATE"])]
const lines = read(folder)
const isStored = new Set(lines.filter(({ what }) => what === "stored").map(({ n }) => n))
const log = new Log()

const runtime = ManagedRuntime.make(
  Durable.layer({ minWorkers: 8, maxWorkers: 64, timeout: "none", storeTimeout: "2 minutes" }).pipe(
    Layer.provide(handlers),
    Layer.provide(Durable.layerEmbedded({ directory }))
  )
)
const pool = await runtime.runPromise(WorkerPool.WorkerPool)
const durable = await runtime.runPromise(Durable.Durable)
process.on("disconnect", () => process.exit(1))
/** Nobody is going to be killed any more. */
const isSafe = new Promise<void>((resolve) => process.once("message", () => resolve()))
process.send!("ready")

/** Those whose caller has not heard that they are stored are asked for again, by the same id. */
const left = Array.from({ length: requests }, (_, n) => n).filter((n) => !isStored.has(n))
await offer(left.length, rate, async (at) => {
  const n = left[at]!
  await runtime.runPromise(pool.submit(Nap, { n, millis: 10 + 10 * Math.random() }, { id: idOf(n) }))
  log.write("stored", n, 0)
})
const succeeded = () => runtime.runPromise(Effect.map(durable.counts, ({ succeeded }) => succeeded))
let seen = await succeeded()
await until(
  async () => (seen = await succeeded()) === requests,
  () => seen
)
await isSafe
const verdict = await runtime.runPromise(judge(durable, requests, new Map()))
const heard = await runtime.runPromise(outcomesOf())
writeFileSync(join(folder, "verdict.json"), JSON.stringify({ verdict, heard }))
await runtime.dispose()
process.exit(0)

/** When each ended, and whose outcome it is. */
function outcomesOf() {
  return Effect.gen(function* () {
    const all: Array<readonly [n: number, at: number, life: string]> = []
    let before: { readonly storedAt: number; readonly id: string } | undefined
    for (;;) {
      const page = yield* durable.list({ tag: "Nap", state: "ended", limit: 1_000, before })
      for (const { end, endedAt, request } of page) {
        const { value } = JSON.parse(end!.exit) as { readonly value?: { readonly life: string } }
        all.push([(request.payload as { readonly n: number }).n, endedAt!, value?.life ?? ""])
      }
      const last = page.at(-1)
      if (last === undefined) return all
      before = { storedAt: last.storedAt, id: last.request.id }
    }
  })
}
