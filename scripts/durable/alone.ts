/** A process that is alone with the PostgreSQL of a folder is killed again and again, every other time with its server. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import * as Lives from "./lives.ts"
import { read } from "./log.ts"
import { explain, type Kill } from "./runs.ts"
import { postmasterOf, temporaryFolder } from "./server.ts"
import { isRight, type Verdict } from "./verdict.ts"

export interface Options {
  readonly requests: number
  readonly rate: number
  readonly kills: number
}

export const alone = async ({ kills, rate, requests }: Options) => {
  const [folder, directory] = [temporaryFolder("trial"), temporaryFolder("server")]
  process.env["TRIAL_REQUESTS"] = `${requests}`
  process.env["TRIAL_RATE"] = `${rate}`
  const place: Lives.Place = { folder, store: directory }
  const began = Date.now()
  const killed: Array<Kill> = []
  const starts: Array<number> = []
  const start = async () => {
    const asked = Date.now()
    const life = await Lives.start("loner.ts", `${killed.length}`, place)
    starts.push(Date.now() - asked)
    return life
  }
  let life = await start()
  while (killed.length < kills) {
    await sleep(2_000 + 4_000 * Math.random())
    const withServer = killed.length % 2 === 1
    const postmaster = postmasterOf(directory)
    life.signal("SIGKILL")
    if (withServer) process.kill(postmaster, "SIGKILL")
    killed.push({ life: life.name, at: Date.now(), outageMillis: 0 })
    await life.ended
    life = await start()
    const lines = read(folder)
    const of = (what: string) => lines.filter((line) => line.what === what).length
    console.log(
      `${killed.length}. kill${withServer ? ", with the server" : ""}: ${of("stored")} stored, ${of("ended")} runs ended; there again after ${starts.at(-1)} ms`
    )
  }
  life.send("safe")
  await life.ended
  const file = join(folder, "verdict.json")
  if (!existsSync(file)) throw new Error(`the last process has ended before its work\n${life.said()}`)
  const { heard, verdict } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly verdict: Verdict
    readonly heard: ReadonlyArray<readonly [n: number, at: number, life: string]>
  }
  const ended = new Map(heard.map(([n, at, life]) => [n, { at, life }]))
  const lines = read(folder)
  const explained = explain(lines, killed, ended)
  const lost = new Set(lines.filter(({ n, what }) => what === "stored" && !ended.has(n)).map(({ n }) => n)).size
  return {
    isFine: isRight(verdict) && lost === 0 && explained.unexplained.length === 0,
    requests,
    seconds: (Date.now() - began) / 1_000,
    verdict,
    acknowledgedAndLost: lost,
    slowestStartMillis: Math.max(...starts),
    ...explained
  }
}
