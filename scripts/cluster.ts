/**
 * Shows a pool of several processes on this machine: a PostgreSQL of its own folder, two services that take requests, two processes
 * that work, a load, and one of those that work killed and replaced while it runs. All of it is on one page, which either service has.
 *
 * `npm run cluster -- [--store FOLDER] [--seconds N] [--rate N] [--kill-every SECONDS]`. It ends by Ctrl-C, or after so many seconds,
 * and leaves nothing but a folder that was given.
 */
import { spawnSync } from "node:child_process"
import { join, resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { type Program, startProgram } from "./durable/programs.ts"
import { temporaryFolder } from "./durable/server.ts"
import "./end-with-npm.mjs"

const { values } = parseArgs({
  options: {
    store: { type: "string" },
    seconds: { type: "string", default: "Infinity" },
    rate: { type: "string", default: "60" },
    "kill-every": { type: "string", default: "20" }
  }
})
const numberOf = (name: "seconds" | "rate" | "kill-every"): number => {
  const number = Number(values[name])
  if (number > 0) return number
  console.error(`--${name}: expected a number above 0, got "${values[name]}"`)
  process.exit(2)
}
const [seconds, rate, killEvery] = [numberOf("seconds"), numberOf("rate"), numberOf("kill-every")]
const store = values.store === undefined ? temporaryFolder("cluster") : resolve(values.store)
const began = performance.now()
const say = (text: string) => console.log(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${text}`)

const over = new AbortController()
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => over.abort())
const until = over.signal

// The page is made of its sources where it is not there.
spawnSync(process.execPath, [join(import.meta.dirname, "build-dashboard.mjs")], { stdio: "ignore" })

const handlers = join(import.meta.dirname, "../examples/handlers.ts")
const flags = ["--store", store, "--handlers", handlers, "--port", "0", "--min-workers", "2", "--max-workers", "12"]
const start = (what: "serve" | "work", name: string): Promise<Program> =>
  startProgram([what, ...flags, "--name", name, ...(what === "serve" ? ["--no-workers"] : [])])

const running = new Map<string, Program>()
const begin = async (what: "serve" | "work", name: string): Promise<void> => {
  const program = await start(what, name)
  running.set(name, program)
  say(`${name} (process ${program.pid}): ${program.url}${what === "work" ? "/metrics" : ""}`)
}

/** What came back, by its status. */
const answers: Record<string, number> = {}
const doors = ["door-1", "door-2"]
const post = async (type: string, payload: unknown, turn: number): Promise<void> => {
  const { url } = running.get(doors[turn % doors.length]!)!
  const answer = await fetch(`${url}/requests/${type}`, {
    method: "POST",
    headers: { "content-type": "application/json", prefer: "wait=30" },
    body: JSON.stringify(payload)
  })
    .then(async (response) => {
      await response.arrayBuffer()
      return String(response.status)
    })
    .catch(() => "none")
  answers[answer] = (answers[answer] ?? 0) + 1
}

const load = async (): Promise<void> => {
  const asked = new Set<Promise<void>>()
  const began = performance.now()
  for (let turn = 0; !until.aborted;) {
    for (; turn < ((performance.now() - began) / 1_000) * rate && asked.size < 2_000; turn++) {
      const drawn = Math.random()
      const [type, payload] =
        drawn < 0.04
          ? ["Flaky", { failureRate: 0.5 }]
          : drawn < 0.3
            ? ["Echo", { message: "hello" }]
            : ["Sleep", { millis: Math.round(40 - 120 * Math.log(1 - Math.random())) }]
      const one: Promise<void> = post(type as string, payload, turn).finally(() => asked.delete(one))
      asked.add(one)
    }
    await pause(50)
  }
  await Promise.all(asked)
}

const killing = async (): Promise<void> => {
  for (let kills = 0; !until.aborted; kills++) {
    await pause(Math.min(killEvery, seconds / 3) * 1_000)
    if (until.aborted) return
    const name = `worker-${(kills % 2) + 1}`
    const program = running.get(name)!
    program.signal("SIGKILL")
    await program.ended
    say(`${name} is killed; what it had is delivered again within some 12 s`)
    await begin("work", name)
  }
}

/** Ends early when all is over. */
const pause = (millis: number): Promise<void> =>
  sleep(Math.min(millis, 2 ** 31 - 1), undefined, { signal: until }).catch(() => undefined)

const stop = async (names: ReadonlyArray<string>): Promise<void> => {
  const programs = names.flatMap((name) => running.get(name) ?? [])
  for (const { signal } of programs) signal("SIGTERM")
  await Promise.all(programs.map(({ ended }) => ended))
}

try {
  say(`a PostgreSQL in ${store}`)
  // The first one makes the folder and its tables; the others join.
  await begin("serve", "door-1")
  await Promise.all([begin("serve", "door-2"), begin("work", "worker-1"), begin("work", "worker-2")])
  say(`the page of all of them: ${running.get("door-1")!.url}/ or ${running.get("door-2")!.url}/   (Ctrl-C ends it)`)
  const working = [load(), killing()]
  await pause(seconds * 1_000)
  over.abort()
  await Promise.all(working)
  const law = (await (await fetch(`${running.get("door-1")!.url}/pool`)).json()) as { readonly store?: unknown }
  say(`answers: ${JSON.stringify(answers)}`)
  if (law.store !== undefined) say(`the store: ${JSON.stringify(law.store)}`)
} finally {
  // Workers first: the doors have heard all outcomes by then. The last one to leave stops the server.
  await stop(["worker-1", "worker-2"])
  await stop(doors)
  say("all have ended")
}
process.exit()
