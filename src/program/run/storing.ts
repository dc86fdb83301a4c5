/** How the lines of a run get into a store, each under an id that is the same whenever the run is started again. */
import { Effect, Schedule } from "effect"
import { createHash } from "node:crypto"
import { basename } from "node:path"
import type { Durable } from "../../durable/service.ts"
import { PoolError, type Ticket, type WorkerPool } from "../../index.ts"
import { BadUsage } from "../errors.ts"
import type { Line } from "./lines.ts"
import type { RequestLine } from "./requestLine.ts"
import type { Requests } from "./requests.ts"

export type AnyTicket = Ticket.Ticket<unknown, unknown>

export interface Storing {
  /** Stores a line, or finds it stored. While the store is away it tries again. */
  readonly submit: (line: Line, request: RequestLine) => Effect.Effect<AnyTicket, PoolError.SubmitError>
}

/** What the lines are called in the store: a file by its name and its content, unless somebody has named the run. */
export const jobOf = ({ file, path }: Requests, named: string | undefined): Effect.Effect<string, BadUsage> => {
  if (named !== undefined) return Effect.succeed(named)
  if (file !== undefined) return Effect.succeed(`${basename(path)} ${file.identity.sha256}`)
  return new BadUsage({
    reason: `Expected --job NAME to come with --store and ${path}: the content of a stream is not known beforehand, so it cannot name the run`
  })
}

/** A line that was changed meanwhile is another request. */
export const make = (pool: WorkerPool.WorkerPool["Service"], durable: Durable["Service"], job: string): Storing => ({
  submit: ({ bytes = Buffer.alloc(0), number }, { data, options, type }) => {
    const id = durable.idOf(type, `${job}\n${number}\n${createHash("sha256").update(bytes).digest("hex")}`)
    return Effect.retry(pool.submitUnknown(type, data, { ...options, id }), {
      while: (error) => error instanceof PoolError.StoreUnavailable && error.reason === "away",
      schedule: Schedule.spaced("1 second")
    })
  }
})
