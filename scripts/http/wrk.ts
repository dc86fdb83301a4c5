/** `wrk`: a generator of HTTP load with a fixed number of connections, each of which waits for its answer. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"

export const connections = 64

export interface Load {
  readonly answers: number
  readonly perSecond: number
  readonly p50Millis: number
  readonly p99Millis: number
  readonly maxMillis: number
  /** Answers that are no 2xx. */
  readonly notOk: number
  /** Connections that failed, and answers that took over 2 s. */
  readonly broken: number
}

export const load = async (url: string, seconds: number): Promise<Load> => {
  const script = join(import.meta.dirname, "echo.lua")
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, `${url}/requests/Echo`]
  const { stdout } = await promisify(execFile)("wrk", args)
  const line = stdout.trim().split("\n").at(-1)!
  const { answers, broken, max, micros, notOk, p50, p99 } = JSON.parse(line) as Record<string, number>
  return {
    answers: answers!,
    perSecond: (answers! * 1e6) / micros!,
    p50Millis: p50! / 1000,
    p99Millis: p99! / 1000,
    maxMillis: max! / 1000,
    notOk: notOk!,
    broken: broken!
  }
}
