/** Writes down what a pool has told, once a second, or sooner where that is much. It never fails: what it cannot write is counted. */
import { Effect, Latch } from "effect"
import type { Recorded } from "../internal/recordedPools.ts"
import type { Files } from "./files.ts"
import { Lines } from "./lines.ts"
import type { Notes } from "./notes.ts"
import { addBlock, type Mark, markText } from "./rows.ts"

const everyMillis = 1000
const blocksAtOnce = 8

interface Parts {
  readonly pool: Recorded
  readonly notes: Notes
  readonly files: Files
  readonly path: string
  /** By the pool's clock. */
  readonly startedAt: number
  readonly keyText: (key: string) => string
  readonly isUrgent: Latch.Latch
}

export class Writer {
  /** Requests that have a line. */
  written = 0
  private readonly parts: Parts
  private readonly lines = new Lines()
  private last: Mark | undefined = undefined
  private isFailing = false
  private isShared = false
  private isClosing = false

  constructor(parts: Parts) {
    this.parts = parts
  }

  /** Until `close`. */
  readonly run: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const { isUrgent } = this.parts
    yield* this.flush(false)
    for (;;) {
      yield* Effect.timeoutOption(isUrgent.await, everyMillis)
      yield* isUrgent.close
      // Whoever has said that it is urgent is within a step of the pool.
      yield* Effect.yieldNow
      const closed = this.isClosing
      yield* this.flush(closed)
      if (closed) return
    }
  })

  /** It writes what there is, and ends. */
  close(): void {
    this.isClosing = true
    this.parts.isUrgent.openUnsafe()
  }

  private flush(closed: boolean): Effect.Effect<void> {
    const { keyText, notes, startedAt } = this.parts
    const { lines } = this
    return Effect.gen({ self: this }, function* () {
      const blocks = notes.take()
      // What ends from here on comes behind it.
      const mark = this.mark(closed)
      let requests = 0
      let n = 0
      for (const block of blocks) {
        requests += block.count
        addBlock(lines, block, startedAt, keyText)
        notes.giveBack(block)
        // A block takes one or two tenths of a millisecond. Others have their turn between some.
        if (++n % blocksAtOnce !== 0) continue
        yield* this.write(requests, undefined)
        requests = 0
        yield* Effect.yieldNow
      }
      if (blocks.length > 0 || closed || this.last === undefined || !isSame(mark, this.last)) {
        yield* this.write(requests, mark)
      }
    })
  }

  /** The lines that there are, of so many requests, and the mark behind them. */
  private write(requests: number, mark: Mark | undefined): Effect.Effect<void> {
    const { files, notes, path } = this.parts
    const { lines } = this
    return Effect.gen({ self: this }, function* () {
      if (mark !== undefined) lines.text(markText(mark))
      const exit = yield* Effect.exit(files.write(lines.all))
      lines.clear()
      if (exit._tag === "Success") {
        this.written += requests
        this.last = mark ?? this.last
        if (this.isFailing) yield* Effect.logInfo(`${path} is written again; ${notes.lost} requests are not in it`)
        this.isFailing = false
        if (files.isShared && !this.isShared) {
          yield* Effect.logWarning(`${path} is written by somebody else too: give each recording a file of its own`)
          this.isShared = true
        }
      } else {
        notes.lost += requests
        if (!this.isFailing) yield* Effect.logWarning(`${path} cannot be written`, exit.cause)
        this.isFailing = true
      }
    })
  }

  private mark(closed: boolean): Mark {
    const { notes, pool, startedAt } = this.parts
    const now = pool.now()
    const { pending, workers } = pool.counts()
    return {
      atMillis: now - startedAt,
      workers,
      workerMillis: notes.workerMillisUntil(now),
      pending,
      lost: notes.lost,
      closed
    }
  }
}

/** There is nothing in it that does not follow from the last one. */
const isSame = (mark: Mark, last: Mark): boolean =>
  mark.pending === last.pending && mark.workers === last.workers && mark.lost === last.lost
