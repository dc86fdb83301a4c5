/** The part of a trial that asks, and then looks at what came of it. */
import { Effect, Layer, ManagedRuntime, Redacted } from "effect"
import * as Durable from "../../src/durable/Durable.ts"
import { WorkerPool } from "../../src/index.ts"
import { group, Nap, type Run } from "./group.ts"

/** An end, as a caller was told of it. */
export interface Heard {
  readonly at: number
  readonly end: string
  readonly run: Run | undefined
}

export interface Asker {
  /** Stores the request `n`; its end goes into `heard`. */
  readonly ask: (n: number, millis: number) => Promise<void>
  readonly heard: Map<number, Heard>
  readonly pool: WorkerPool.WorkerPool["Service"]
  readonly durable: Durable.Durable["Service"]
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Promise<A>
  readonly close: () => Promise<void>
}

export const idOf = (n: number): string => `trial-${n}`

export const open = async (url: string): Promise<Asker> => {
  const runtime = ManagedRuntime.make(
    Durable.layerClient({ groups: [group], storeTimeout: "2 minutes" }).pipe(
      Layer.provide(Durable.layerPostgres({ url: Redacted.make(url) }))
    )
  )
  const pool = await runtime.runPromise(WorkerPool.WorkerPool)
  const durable = await runtime.runPromise(Durable.Durable)
  const heard = new Map<number, Heard>()
  const hear = (n: number, end: string, exit: { readonly value?: unknown }) => {
    if (heard.has(n)) throw new Error(`the caller of ${n} was told twice`)
    heard.set(n, { at: Date.now(), end, run: exit.value as Run | undefined })
  }
  return {
    heard,
    pool,
    durable,
    run: (effect) => runtime.runPromise(effect),
    ask: async (n, millis) => {
      const ticket = await runtime.runPromise(pool.submit(Nap, { n, millis }, { id: idOf(n) }))
      ticket.onEnd(({ end, exit }) => hear(n, end, exit as { readonly value?: unknown }))
    },
    close: () => runtime.dispose()
  }
}
