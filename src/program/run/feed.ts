/** Hands the lines to the pool and counts their ends. Never more than `outstanding` lines are between the two. */
import { Cause, Effect, Exit, type Scope } from "effect"
import { type Handlers, type Outcome, OutcomeJson, PoolError, type WorkerPool } from "../../index.ts"
import type { Defects } from "./defects.ts"
import { type RequestsNotRead } from "../errors.ts"
import { type Line, Lines, LineSet, requestLimit } from "./lines.ts"
import { encoder, type Ended, malformed, rejected } from "./outcomeLine.ts"
import type { OutcomesFile } from "./outcomesFile.ts"
import { parse, type RequestLine } from "./requestLine.ts"
import type { AnyTicket, Storing } from "./storing.ts"
import type { Stop } from "../process/stop.ts"
import type { Tally } from "./tally.ts"

export interface Dependencies {
  readonly pool: WorkerPool.WorkerPool["Service"]
  /** Where lines are stored, if they are. */
  readonly storing: Storing | undefined
  readonly handlers: Handlers.Handlers["Service"]
  readonly outcomes: OutcomesFile | undefined
  readonly tally: Tally
  readonly defects: Defects
  readonly stop: Stop
  readonly outstanding: number
  /** Owns the fibers that wait for outcomes. */
  readonly scope: Scope.Scope
}

export class Feed {
  /** Where the next line begins. */
  readonly lines = new Lines(requestLimit)
  private readonly parts: Dependencies
  private readonly encode: ReturnType<typeof encoder>
  private readonly done: LineSet
  private readonly tickets = new Set<AnyTicket>()
  /** Lines that were begun and whose end is neither counted nor given up. */
  private pending = 0
  private onEnd: (() => void) | undefined

  constructor(parts: Dependencies) {
    this.parts = parts
    this.encode = encoder(parts.handlers)
    this.done = parts.outcomes?.done ?? new LineSet()
  }

  /** Feeds all lines; `beforeChunk` comes before any line of a chunk. Interrupting it leaves what was begun. */
  all(
    next: Effect.Effect<Buffer | undefined, RequestsNotRead>,
    beforeChunk: (chunk: Buffer) => Effect.Effect<void>
  ): Effect.Effect<void, RequestsNotRead> {
    const self = this
    return Effect.gen(function* () {
      for (;;) {
        const chunk = yield* next
        if (chunk !== undefined) yield* beforeChunk(chunk)
        for (const line of chunk === undefined ? self.lines.end() : self.lines.push(chunk)) {
          self.parts.tally.read++
          if (self.done.has(line.number)) continue
          if (self.pending >= self.parts.outstanding) yield* self.fewerThan(self.parts.outstanding)
          yield* self.begin(line)
        }
        if (chunk === undefined) return
      }
    })
  }

  /** Waits until fewer than so many lines are pending. Only one may wait at a time. */
  fewerThan(limit: number): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const check = () => {
        if (this.pending >= limit) return
        this.onEnd = undefined
        resume(Effect.void)
      }
      this.onEnd = check
      check()
      return Effect.sync(() => {
        this.onEnd = undefined
      })
    })
  }

  /** Takes back what no attempt runs for. */
  readonly withdrawWaiting: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(
      [...this.tickets],
      (ticket) => Effect.flatMap(ticket.status, (at) => (at === "running" ? Effect.void : ticket.cancel)),
      { discard: true }
    )
  )

  private begin(line: Line): Effect.Effect<void> {
    const request = parse(line)
    if ("malformed" in request) {
      this.pending++
      return Effect.sync(() => this.record(malformed(line.number, request.malformed)))
    }
    if ("refused" in request) {
      this.pending++
      return Effect.sync(() => this.record(rejected(line.number, request.id, request.type, request.refused)))
    }
    const { pool, scope, storing } = this.parts
    if (storing !== undefined) {
      this.pending++
      const stored = Effect.flatMap(Effect.exit(storing.submit(line, request)), (exit) =>
        Exit.isSuccess(exit) ? this.follow(line, request, exit.value) : this.refuse(line, request, exit.cause)
      )
      // Those of many lines go to the store together.
      return Effect.asVoid(Effect.forkIn(stored, scope, { startImmediately: true }))
    }
    const { data, options, type } = request
    // Once there is a ticket, its outcome must be waited for: nothing interruptible stands between the two.
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.exit(restore(pool.submitUnknown(type, data, options))), (exit) => {
        this.pending++
        return Exit.isSuccess(exit)
          ? Effect.asVoid(Effect.forkIn(this.follow(line, request, exit.value), scope, { startImmediately: true }))
          : this.refuse(line, request, exit.cause)
      })
    )
  }

  /** Waits for the end of a line. */
  private follow({ number }: Line, { options }: RequestLine, ticket: AnyTicket): Effect.Effect<void> {
    this.tickets.add(ticket)
    return Effect.flatMap(ticket.outcome, (outcome) => {
      this.tickets.delete(ticket)
      return this.collect(number, outcome, ticket.key, options.id)
    })
  }

  /** Records a line that was not accepted, unless it is left because the run stops. */
  private refuse({ number }: Line, { options, type }: RequestLine, cause: Cause.Cause<PoolError.SubmitError>) {
    const error = refusalOf(type, cause)
    const isLeft = error instanceof PoolError.PoolDraining || this.parts.stop.reason !== undefined
    if (isLeft) this.end()
    else this.record(rejected(number, options.id, type, error))
    return Effect.void
  }

  private collect(line: number, outcome: Outcome.Outcome, key: string, id: string): Effect.Effect<void> {
    const { defects, stop, storing } = this.parts
    defects.see(outcome)
    // What somebody has cancelled in a store has ended.
    const isLeft = outcome.end === "interrupted" || (outcome.end === "cancelled" && storing === undefined)
    if (stop.reason !== undefined && isLeft) {
      this.end()
      return Effect.void
    }
    return Effect.map(this.encode(line, outcome, key, id), (ended) => this.record(ended))
  }

  /** Counts an end, but not before it is in the file, if there is one. */
  private record({ bytes, outcome }: Ended): void {
    const { outcomes, tally } = this.parts
    if (outcomes === undefined) {
      tally.count(outcome)
      this.end()
      return
    }
    outcomes.append(bytes, (written) => {
      if (written) tally.count(outcome)
      this.end()
    })
  }

  private end(): void {
    this.pending--
    this.onEnd?.()
  }
}

/** What a payload's schema throws, dies of or interrupts is about that payload, not about the run. */
const refusalOf = (tag: string, cause: Cause.Cause<PoolError.SubmitError>): PoolError.SubmitError => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) return failure.error
  const thrown = Cause.hasInterruptsOnly(cause) ? "it interrupts itself" : OutcomeJson.messageOf(Cause.squash(cause))
  return new PoolError.InvalidPayload({ tag, issue: `its schema cannot read it: ${thrown}` })
}
