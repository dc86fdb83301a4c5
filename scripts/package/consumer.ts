/** A program without Effect, in TypeScript, as `scripts/check-package.mjs` compiles it against the declarations. */
import {
  createPool,
  PoolError,
  type Code,
  type Event,
  type Outcome,
  type Pool,
  type Ticket
} from "effect-worker-pool/promise"

declare const url: string
declare const request: Request

export const threeLines = async (): Promise<string> => {
  await using pool = createPool({ maxWorkers: 8, timeout: "2 seconds", retry: { times: 2 } })
  const text = await pool.run(({ signal }) => fetch(url, { signal }).then((r) => r.text()), {
    timeout: "1 second",
    signal: request.signal
  })
  return text
}

const handlers = {
  resize: async ({ path }: { readonly path: string }, { signal }: { readonly signal: AbortSignal }) =>
    signal.aborted ? 0 : path.length,
  ping: { handler: (word: string) => word, timeout: "1 second" } as const
}
const pool = createPool({ handlers })
export const held: Pool<typeof handlers> = pool

interface Module {
  readonly double: (n: number) => number
}
declare const spawn: () => { readonly threadId: number; readonly terminate: () => Promise<number> }
const threaded = createPool<Module>({
  threads: { spawn, max: 2, functions: { double: { timeout: "1 second", key: (n) => n.toFixed() } } }
})
export const doubled: Promise<number> = threaded.run.double(21)

export const typed = async (): Promise<number> => {
  const ticket: Ticket<number> = await pool.submit.resize({ path: "a" }, { id: "a" })
  const outcome: Outcome<number> = await ticket.outcome
  for await (const each of pool.map(["a"], async (word) => word.length)) each.toFixed()
  for await (const each of pool.map.ping(["a"])) each.toUpperCase()
  for await (const each of pool.map.resize([{ path: "a" }], { outcomes: true })) {
    if (each.end === "succeeded") each.value.toFixed()
  }
  pool.on("Resized", ({ after }) => after.toFixed())
  const last: Event | undefined = (await pool.events[Symbol.asyncIterator]().next()).value
  // @ts-expect-error an input of the wrong type
  await pool.run.resize({ path: 1 })
  // @ts-expect-error an input is missing
  await pool.run.resize()
  // @ts-expect-error no such handler
  await pool.run.crop({ path: "a" })
  // @ts-expect-error no such option
  createPool({ workers: 8 })
  return outcome.end === "succeeded" ? outcome.value + (await pool.run.resize({ path: "a" })) : (last?.type.length ?? 0)
}

export const codeOf = (error: unknown): Code | undefined => (error instanceof PoolError ? error.code : undefined)
