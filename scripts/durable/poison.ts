/** A request that ends whoever runs it, among forty that do no harm, and two processes that are started again. */
import { Cause, Exit } from "effect"
import { PoolError } from "../../src/index.ts"
import * as Asking from "./asking.ts"
import { Poison } from "./group.ts"
import { until } from "./killing.ts"
import * as Lives from "./lives.ts"
import { type Server, temporaryFolder } from "./server.ts"

const innocents = 40

export const poison = async (server: Server) => {
  const folder = temporaryFolder("trial")
  const place: Lives.Place = { folder, store: server.url }
  const asker = await Asking.open(server.url)
  const state = { started: 0, isOver: false }
  const kept = async () => {
    while (!state.isOver) {
      const life = await Lives.start("worker.ts", `${state.started++}`, place)
      living.push(life)
      await life.ended
    }
  }
  const living: Array<Lives.Life> = []
  const began = Date.now()
  const ticket = await asker.run(asker.pool.submit(Poison, undefined, { id: "poison" }))
  await Promise.all(Array.from({ length: innocents }, (_, n) => asker.ask(n, 4_000)))
  const both = [kept(), kept()]
  const outcome = await asker.run(ticket.outcome)
  const poisonMillis = Date.now() - began
  console.log(`the poison has ended after ${(poisonMillis / 1_000).toFixed(1)} s, with ${state.started} processes`)
  await until(
    () => asker.heard.size === innocents,
    () => asker.heard.size
  )
  state.isOver = true
  for (const life of living) life.signal("SIGTERM")
  await Promise.all(both)
  const hurt = innocents - [...asker.heard.values()].filter(({ end }) => end === "succeeded").length
  await asker.close()
  const error = Exit.isFailure(outcome.exit) ? Cause.squash(outcome.exit.cause) : undefined
  return {
    isFine: hurt === 0 && error instanceof PoolError.DeliveriesExhausted,
    innocents,
    innocentsHurt: hurt,
    poison: String(error),
    poisonMillis,
    allMillis: Date.now() - began,
    processesStarted: state.started
  }
}
