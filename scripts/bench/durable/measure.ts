/** Puts the loads of stores on a subject: two processes work, and this one asks. */
import { type ChildProcess, fork } from "node:child_process"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Redis } from "ioredis"
import { during } from "../during.ts"
import type { Measurement } from "../load.ts"
import { quantile } from "../rounds.ts"
import { now } from "./group.ts"
import type { DurableLoad } from "./load.ts"
import { durableSubjects } from "./subjects.ts"

interface Given {
  readonly load: DurableLoad
  readonly n: number
  readonly outstanding: number
  readonly seconds: number
}

const processes = 2

export const measureDurable = async (given: Given, impl: string): Promise<Measurement> => {
  const subject = durableSubjects[impl]!
  if (subject.lacks !== undefined) return { lacks: subject.lacks } as never
  const keeper = await subject.keeper()
  const workers: Array<Child> = []
  try {
    const crowd = new Ended()
    const client = await subject.openClient(keeper.url, (n) => crowd.until(n))
    for (let at = 0; at < processes; at++) workers.push(await Child.start(impl, keeper.url, crowd))
    const all = async (message: string) => void (await Promise.all(workers.map((worker) => worker.ask(message))))
    const begin = () => all("begin")
    try {
      switch (given.load.what) {
        case "drain": {
          // What has never run is slow.
          await (
            await client.fill(Math.ceil(given.n / 2))
          )(begin)
          await all("halt")
          crowd.reset()
          const run = await client.fill(given.n)
          return await during(given.n, () => run(begin))
        }
        case "submit":
          return await during(given.n, () => closed(given, client.submit))
        case "idle":
          await begin()
          return await idle(given.n, client.execute)
        case "quiet":
          await begin()
          return await quiet(given.seconds, workers, impl === "bullmq" ? keeper.url : undefined)
      }
    } finally {
      await client.close()
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.close()))
    await keeper.close()
  }
}

const closed = async ({ n, outstanding }: Given, submit: (n: number) => Promise<unknown>): Promise<void> => {
  let next = 0
  const caller = async () => {
    while (next < n) await submit(next++)
  }
  await Promise.all(Array.from({ length: outstanding }, caller))
}

/** Each alone, after a pause in which all have come to rest. */
const idle = async (n: number, execute: (n: number) => Promise<number>): Promise<Measurement> => {
  const starts: Array<number> = []
  const trips: Array<number> = []
  for (let warm = 0; warm < 10; warm++) await execute(warm)
  const measured = await during(n, async () => {
    for (let at = 0; at < n; at++) {
      await sleep(40 + 20 * Math.random())
      const asked = now()
      const started = await execute(at)
      trips.push(now() - asked)
      starts.push(started - asked)
    }
  })
  return {
    ...measured,
    rate: 1_000 / quantile(starts, 0.5),
    startP50Millis: quantile(starts, 0.5),
    startP99Millis: quantile(starts, 0.99),
    p50Millis: quantile(trips, 0.5),
    p99Millis: quantile(trips, 0.99)
  }
}

/** The statements of each process while nothing is asked, a while after it has begun. */
const quiet = async (
  seconds: number,
  workers: ReadonlyArray<Child>,
  redis: string | undefined
): Promise<Measurement> => {
  await sleep(3_000)
  const count = async () =>
    redis === undefined
      ? (await Promise.all(workers.map((worker) => worker.queries()))).reduce((sum, queries) => sum + queries, 0)
      : commandsOf(redis)
  const before = await count()
  const measured = await during(1, () => sleep(seconds * 1_000))
  const queriesEach = ((await count()) - before) / seconds / workers.length
  return { ...measured, rate: 1 / queriesEach, queriesEach }
}

const commandsOf = async (url: string): Promise<number> => {
  const client = new Redis(url)
  const info = await client.info("stats")
  client.disconnect()
  return Number(/total_commands_processed:(\d+)/.exec(info)![1])
}

/** What the workers have told of. */
class Ended {
  private count = 0
  private awaited = Infinity
  private wake: () => void = () => {}

  add(ended: number): void {
    this.count += ended
    if (this.count >= this.awaited) this.wake()
  }

  reset(): void {
    this.count = 0
  }

  until(n: number): Promise<void> {
    return new Promise((resolve) => {
      this.awaited = n
      this.wake = resolve
      this.add(0)
    })
  }
}

type Message = "ready" | "done" | { readonly ended: number } | { readonly queries: number }

class Child {
  private readonly child: ChildProcess
  private readonly crowd: Ended
  private hear: (message: Message) => void = () => {}

  constructor(child: ChildProcess, crowd: Ended) {
    this.child = child
    this.crowd = crowd
    child.on("message", (message: Message) => {
      if (typeof message === "object" && "ended" in message) this.crowd.add(message.ended)
      else this.hear(message)
    })
  }

  static async start(impl: string, url: string, crowd: Ended): Promise<Child> {
    const child = new Child(fork(join(import.meta.dirname, "worker.ts"), [impl, url]), crowd)
    await child.heard()
    return child
  }

  private heard(): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.hear = resolve
      this.child.once("exit", (code, signal) => reject(new Error(`a worker process ended: ${code ?? signal}`)))
    })
  }

  ask(message: string): Promise<Message> {
    const heard = this.heard()
    this.child.send(message)
    return heard
  }

  async queries(): Promise<number> {
    return ((await this.ask("queries")) as { readonly queries: number }).queries
  }

  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.child.once("exit", () => resolve()))
    this.child.send("close")
    const hard = setTimeout(() => this.child.kill("SIGKILL"), 10_000)
    await ended
    clearTimeout(hard)
  }
}
