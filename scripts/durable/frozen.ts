/** A process is stopped in the middle of its work for longer than its claims last, and then goes on. */
import { setTimeout as sleep } from "node:timers/promises"
import * as Asking from "./asking.ts"
import * as Lives from "./lives.ts"
import { read } from "./log.ts"
import { type Server, temporaryFolder } from "./server.ts"
import { judge } from "./verdict.ts"
import { isRight } from "./verdict.ts"
import { until } from "./killing.ts"

const requests = 40
const napMillis = 3_000

export const frozen = async (server: Server) => {
  const folder = temporaryFolder("trial")
  const place: Lives.Place = { folder, store: server.url }
  const asker = await Asking.open(server.url)
  const lives = [await Lives.start("worker.ts", "frozen", place), await Lives.start("worker.ts", "other", place)]
  const [victim, other] = lives as [Lives.Life, Lives.Life]
  await Promise.all(Array.from({ length: requests }, (_, n) => asker.ask(n, napMillis)))
  const begunBy = (life: string) => read(folder).filter((line) => line.what === "begun" && line.life === life)
  await until(
    () => begunBy(victim.name).length > 0 && begunBy(victim.name).length + begunBy(other.name).length === requests,
    () => read(folder).length
  )
  victim.signal("SIGSTOP")
  const [stoppedAt, had] = [Date.now(), begunBy(victim.name)]
  await until(
    () => asker.heard.size === requests,
    () => asker.heard.size
  )
  const elsewhereMillis = Date.now() - stoppedAt
  const heardBefore = new Map(asker.heard)
  victim.signal("SIGCONT")
  const lapses = () => (victim.said().match(/has lapsed/g) ?? []).length
  await until(
    () => lapses() >= had.length,
    () => lapses()
  )
  // It has gone on: its attempts are interrupted, or what they came to is refused.
  await sleep(napMillis)
  const verdict = await asker.run(judge(asker.durable, requests, heardBefore))
  const ofVictim = [...asker.heard].filter(([, { run }]) => run?.life === victim.name).length
  for (const life of lives) life.signal("SIGTERM")
  await Promise.all(lives.map(({ ended }) => ended))
  await asker.close()
  const endedLate = read(folder).filter(
    ({ at, life, what }) => life === victim.name && what === "ended" && at > stoppedAt + elsewhereMillis
  ).length
  return {
    isFine: isRight(verdict) && had.length > 0 && lapses() === had.length && ofVictim === 0,
    requests,
    ranInTheFrozenOne: had.length,
    elsewhereMillis,
    loggedAsLapsed: lapses(),
    wentOnToTheirEndAllTheSame: endedLate,
    outcomesOfTheFrozenOne: ofVictim,
    verdict
  }
}
