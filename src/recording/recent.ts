/** The load of late, in memory: what a recording would have in its file, within bounds. */
import type { Phase } from "../PoolError.ts"
import type { Recorder, Unaccepted } from "../internal/recorder.ts"
import type { PoolRequest } from "../internal/request.ts"
import { type Chunk, chunkOf } from "./chunks.ts"
import { Notes } from "./notes.ts"
import { WorkerMinutes } from "./workerMinutes.ts"

export interface RecentOptions {
  /** By the pool's clock. */
  readonly startedAt: number
  /** At that time. */
  readonly workers: number
  /** Whether what is evicted was shed. */
  readonly sheds: boolean
  /** What ended longer ago is given up. */
  readonly keepMillis: number
  /** Of more requests the oldest are given up, many at once. */
  readonly mostRequests: number
  /** The same of bytes. */
  readonly mostBytes: number
}

/** What is known of a load: all requests that came in that time and have ended. */
export interface Heard {
  /** By the pool's clock. */
  readonly fromMillis: number
  readonly untilMillis: number
  /** There may be some among them that came before that time: they are not to count. */
  readonly chunks: ReadonlyArray<Chunk>
  readonly requests: number
  readonly workers: { readonly mean: number; readonly most: number }
}

export class Recent implements Recorder {
  private readonly options: RecentOptions
  private readonly notes: Notes
  private readonly minutes: WorkerMinutes
  private chunks: Array<Chunk> = []
  private count = 0
  private heldBytes = 0
  private from: number

  constructor(options: RecentOptions) {
    this.options = options
    this.from = options.startedAt
    this.minutes = new WorkerMinutes(options)
    const { sheds, startedAt, workers } = options
    // Each block is taken as soon as it is full.
    this.notes = new Notes({ startedAt, workers, sheds, maxBlocks: 2, onEnough: () => this.keep() })
  }

  ended(request: PoolRequest, from: Phase, millis: number, now: number): void {
    this.notes.ended(request, from, millis, now)
  }

  unaccepted(request: PoolRequest, why: Unaccepted, now: number): void {
    this.notes.unaccepted(request, why, now)
  }

  retried(request: PoolRequest, end: "failed" | "timedOut", now: number): void {
    this.notes.retried(request, end, now)
  }

  scheduled(request: PoolRequest): void {
    this.notes.scheduled(request)
  }

  workers(count: number, now: number): void {
    this.minutes.change(count, now)
  }

  /** About what it holds, in bytes. */
  get bytes(): number {
    return this.heldBytes
  }

  heardUntil(now: number): Heard {
    this.keep()
    this.giveUp(now - this.options.keepMillis)
    const { chunks, count, from, minutes } = this
    return {
      fromMillis: from,
      untilMillis: now,
      chunks: [...chunks],
      requests: count,
      workers: minutes.between(from, now)
    }
  }

  private keep(): void {
    const { keepMillis, mostBytes, mostRequests } = this.options
    for (const block of this.notes.take()) {
      const chunk = chunkOf(block)
      this.notes.giveBack(block)
      this.chunks.push(chunk)
      this.count += chunk.at.length
      this.heldBytes += chunk.bytes
      this.giveUp(lastOf(chunk) - keepMillis)
    }
    while (this.count > mostRequests || this.heldBytes > mostBytes) this.giveUpOldest()
  }

  /** What has ended before. */
  private giveUp(before: number): void {
    while (this.chunks[0] !== undefined && lastOf(this.chunks[0]) < before) this.giveUpOldest()
    this.from = Math.max(this.from, before)
  }

  /** Whatever came after its last end is still there. */
  private giveUpOldest(): void {
    const chunk = this.chunks.shift()!
    this.count -= chunk.at.length
    this.heldBytes -= chunk.bytes
    this.from = Math.max(this.from, lastOf(chunk))
  }
}

/** Requests are told in the order of their ends. */
const lastOf = ({ endedAt }: Chunk): number => endedAt.at(-1)!
