/** Four processes work, and one after the other is killed while the server goes and comes back. */
import { setTimeout as sleep } from "node:timers/promises"
import * as Asking from "./asking.ts"
import * as Lives from "./lives.ts"
import { read } from "./log.ts"
import { explain, type Kill } from "./runs.ts"
import { type Server, temporaryFolder } from "./server.ts"
import { isRight, judge } from "./verdict.ts"

export interface Options {
  readonly requests: number
  /** Requests per second. */
  readonly rate: number
  readonly processes: number
  readonly everyMillis: number
}

/** A process's claims lapse after 10 s; then another one has to look, and to run them. */
const redeliveredWithinMillis = 15_000
const outageMillis = 7_000

export const killing = async (server: Server, { everyMillis, processes, rate, requests }: Options) => {
  const folder = temporaryFolder("trial")
  const place: Lives.Place = { folder, store: server.url }
  const asker = await Asking.open(server.url)
  const lives: Array<Lives.Life | undefined> = await Promise.all(
    Array.from({ length: processes }, (_, at) => Lives.start("worker.ts", `${at}-0`, place))
  )
  const began = Date.now()
  let stored = 0
  const progress = setInterval(() => {
    const seconds = Math.round((Date.now() - began) / 1_000)
    console.log(`${seconds} s: ${stored} stored, ${asker.heard.size} ended, ${kills.length} kills`)
  }, 5_000)

  const outages: Array<{ readonly from: number; readonly to: number }> = []
  const hurt = async (millis: number) => {
    const from = Date.now()
    await server.away(millis)
    outages.push({ from, to: Date.now() })
    console.log(`the server was away for ${((Date.now() - from) / 1_000).toFixed(1)} s`)
  }
  const asked = Promise.all([
    offer(requests, rate, async (n) => {
      await asker.ask(n, 10 + 10 * Math.random())
      stored++
    }),
    at(
      () => stored >= requests / 3,
      () => hurt(0)
    ),
    at(
      () => stored >= (2 * requests) / 3,
      () => hurt(outageMillis)
    )
  ])

  const kills: Array<Omit<Kill, "outageMillis">> = []
  const starting = new Set<Promise<void>>()
  const startAgain = async (at: number, before: Lives.Life) => {
    await before.ended
    lives[at] = await Lives.startAnyhow("worker.ts", `${at}-${kills.length}`, place)
  }
  const killer = setInterval(() => {
    const [at, life] = [...lives.entries()].find(([, life]) => life === oldest(lives)) ?? []
    if (at === undefined || life === undefined) return
    life.signal("SIGKILL")
    kills.push({ life: life.name, at: Date.now() })
    lives[at] = undefined
    const again: Promise<void> = startAgain(at, life).finally(() => starting.delete(again))
    starting.add(again)
  }, everyMillis)

  await asked
  clearInterval(killer)
  await Promise.all(starting)
  await until(
    () => asker.heard.size === requests,
    () => asker.heard.size
  )
  clearInterval(progress)
  const seconds = (Date.now() - began) / 1_000
  const verdict = await asker.run(judge(asker.durable, requests, asker.heard))
  const heard = new Map([...asker.heard].map(([n, { at, run }]) => [n, { at, life: run?.life ?? "" }]))
  const withOutages = kills.map((kill) => ({
    ...kill,
    outageMillis: outages.reduce(
      (sum, { from, to }) =>
        sum +
        Math.max(
          0,
          Math.min(to, kill.at + redeliveredWithinMillis) - Math.max(from, kill.at - redeliveredWithinMillis)
        ),
      0
    )
  }))
  const explained = explain(read(folder), withOutages, heard)
  for (const life of lives) life!.signal("SIGTERM")
  await Promise.all(lives.map((life) => life!.ended))
  await asker.close()
  const late = explained.kills.filter(
    ({ outageMillis, redeliveredMillis = 0 }) => outageMillis === 0 && redeliveredMillis > redeliveredWithinMillis
  )
  const isFine = isRight(verdict) && explained.unexplained.length === 0 && late.length === 0
  return { isFine, requests, seconds, verdict, ...explained, outages: outages.map(({ from, to }) => to - from) }
}

/** So many per second, at most 1,000 of them on their way. */
export const offer = async (n: number, rate: number, ask: (n: number) => Promise<void>): Promise<void> => {
  const began = performance.now()
  const asked = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  for (let next = 0; next < n;) {
    const due = Math.min(n, ((performance.now() - began) / 1_000) * rate)
    for (; next < due && asked.size < 1_000; next++) {
      const one = ask(next).then(
        () => void asked.delete(one),
        (error: unknown) => {
          failure = { error }
        }
      )
      asked.add(one)
    }
    if (failure !== undefined) throw failure.error
    await sleep(5)
  }
  await Promise.all(asked)
  if (failure !== undefined) throw failure.error
}

/** Of those that are up. */
const oldest = (lives: ReadonlyArray<Lives.Life | undefined>): Lives.Life | undefined =>
  lives.filter((life) => life !== undefined).toSorted((a, b) => a.since - b.since)[0]

const at = async (isTime: () => boolean, act: () => Promise<void>): Promise<void> => {
  while (!isTime()) await sleep(20)
  await act()
}

/** For as long as anything moves within a minute. */
export const until = async (isOver: () => boolean | Promise<boolean>, moves: () => number): Promise<void> => {
  let [last, since] = [moves(), Date.now()]
  while (!(await isOver())) {
    await sleep(100)
    if (moves() !== last) [last, since] = [moves(), Date.now()]
    else if (Date.now() - since > 60_000) return
  }
}
