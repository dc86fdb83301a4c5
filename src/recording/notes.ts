/** What a pool has told and nobody has written down yet: bounded, and as cheap as can be, since the pool waits for it. */
import type { Phase } from "../PoolError.ts"
import type { Recorder } from "../internal/recorder.ts"
import type { PoolRequest } from "../internal/request.ts"
import { keyOf } from "../queue/ranked.ts"
import { type RecordedEnd, recordedEnds, type Unaccepted } from "./recorded.ts"

/** So many requests are in one block. */
export const blockSize = 1024
/** So many are worth a write: soon enough that they are still in the processor's cache, and that few are ever there. */
const enoughBlocks = 8
/** As many as are filled while those are written. More would be memory that is kept for nothing. */
const mostSpare = 8

/** Some requests, column by column: an object for each would cost three times as much. */
export class Block {
  count = 0
  readonly at = new Float64Array(blockSize)
  /** When its last attempt began; `NaN`: none ran when it ended. */
  readonly startedAt = new Float64Array(blockSize)
  readonly endedAt = new Float64Array(blockSize)
  readonly end = new Uint8Array(blockSize)
  readonly priority = new Int8Array(blockSize)
  readonly type: Array<string> = Array(blockSize).fill("")
  readonly key: Array<string> = Array(blockSize).fill("")
  /** Its other attempts. */
  readonly earlier: Array<ReadonlyArray<Earlier> | undefined> = Array(blockSize).fill(undefined)
}

/** An attempt that another one may have followed. */
export interface Earlier {
  readonly startedAt: number
  readonly endedAt: number
  readonly end: "failed" | "timedOut"
}

const codes = Object.fromEntries(recordedEnds.map((end, code) => [end, code])) as Readonly<Record<RecordedEnd, number>>

export class Notes implements Recorder {
  /** What there was no room for, and what others have lost since. */
  lost = 0
  private open = new Block()
  private full: Array<Block> = []
  private spare: Array<Block> = []
  private readonly earlier = new Map<PoolRequest, Array<Earlier>>()
  private readonly startsAt = new Map<PoolRequest, number>()
  private workerCount: number
  private workersAt: number
  private workerMillis = 0
  private readonly options: NotesOptions

  constructor(options: NotesOptions) {
    this.options = options
    this.workerCount = options.workers
    this.workersAt = options.startedAt
  }

  ended(request: PoolRequest, from: Phase, millis: number, now: number): void {
    const { end } = request
    const at = now - request.waitedMillis - request.ranMillis
    const earlier = this.earlier.size > 0 ? this.takeEarlier(request) : undefined
    const code = end === "evicted" && this.options.sheds ? codes.shed : codes[end!]
    this.add(request, code, at, from === "running" ? now - millis : Number.NaN, now, earlier)
  }

  unaccepted(request: PoolRequest, why: Unaccepted, now: number): void {
    this.add(request, codes[why], request.since, Number.NaN, now, undefined)
  }

  retried(request: PoolRequest, end: "failed" | "timedOut", endedAt: number): void {
    this.retriedSince(request.since, request, end, endedAt)
  }

  /** That attempt began then. */
  retriedSince(startedAt: number, request: PoolRequest, end: "failed" | "timedOut", endedAt: number): void {
    const attempt = { startedAt, endedAt, end }
    const known = this.earlier.get(request)
    if (known === undefined) this.earlier.set(request, [attempt])
    else known.push(attempt)
  }

  scheduled(request: PoolRequest): void {
    this.scheduledAt(request.details!.startsAt!, request)
  }

  /** It is to start then. */
  scheduledAt(startsAt: number, request: PoolRequest): void {
    this.startsAt.set(request, startsAt)
  }

  workers(count: number, now: number): void {
    this.passUntil(now)
    this.workerCount = count
  }

  /** How long there were workers, in all. */
  workerMillisUntil(now: number): number {
    this.passUntil(now)
    return this.workerMillis
  }

  /** What has come since the last time. Each is to be given back. */
  take(): ReadonlyArray<Block> {
    const taken = this.full
    this.full = []
    if (this.open.count > 0) {
      taken.push(this.open)
      this.open = this.spare.pop() ?? new Block()
    }
    return taken
  }

  giveBack(block: Block): void {
    // Nothing of a request lives on here.
    block.type.fill("", 0, block.count)
    block.key.fill("", 0, block.count)
    block.earlier.fill(undefined, 0, block.count)
    block.count = 0
    if (this.spare.length < mostSpare) this.spare.push(block)
  }

  private add(
    request: PoolRequest,
    code: number,
    calledAt: number,
    startedAt: number,
    now: number,
    earlier: ReadonlyArray<Earlier> | undefined
  ): void {
    let at = calledAt
    if (this.startsAt.size > 0) {
      const due = this.startsAt.get(request)
      if (due !== undefined) {
        this.startsAt.delete(request)
        // It came when it was due. Before that it was no load, and it may never have become one.
        if (due > now) return
        at = Math.max(at, due)
      }
    }
    // It was there before the recording.
    if (at < this.options.startedAt) return
    if (this.open.count === blockSize && !this.turnOver()) {
      this.lost++
      return
    }
    const block = this.open
    const n = block.count++
    block.at[n] = at
    block.startedAt[n] = startedAt
    block.endedAt[n] = now
    block.end[n] = code
    block.priority[n] = request.policy.priority
    block.type[n] = request.route.tag
    block.key[n] = keyOf(request)
    if (earlier !== undefined) block.earlier[n] = earlier
  }

  /** `false`: there is no room for more until some is written. */
  private turnOver(): boolean {
    const { maxBlocks, onEnough } = this.options
    if (this.full.length + 1 >= maxBlocks) return false
    this.full.push(this.open)
    this.open = this.spare.pop() ?? new Block()
    if (this.full.length >= Math.min(maxBlocks / 2, enoughBlocks)) onEnough()
    return true
  }

  private takeEarlier(request: PoolRequest): ReadonlyArray<Earlier> | undefined {
    const earlier = this.earlier.get(request)
    if (earlier !== undefined) this.earlier.delete(request)
    return earlier
  }

  private passUntil(now: number): void {
    this.workerMillis += this.workerCount * (now - this.workersAt)
    this.workersAt = now
  }
}

export interface NotesOptions {
  /** By the pool's clock. */
  readonly startedAt: number
  /** At that time. */
  readonly workers: number
  /** Whether what is evicted was shed. */
  readonly sheds: boolean
  readonly maxBlocks: number
  /** There is as much as to be worth a write, or half of what there may be. */
  readonly onEnough: () => void
}
