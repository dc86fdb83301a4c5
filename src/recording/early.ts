/** What a pool tells before its recording is loaded, to be noted then. */
import type { Clock } from "effect"
import type { Recorder } from "../internal/recorder.ts"
import type { Recorded } from "../internal/recordedPools.ts"
import type { PoolRequest } from "../internal/request.ts"
import type { Notes } from "./notes.ts"

/** A recording begins where this is made. It holds the requests themselves: only for as long as it takes to load a module. */
export class Early implements Recorder {
  /** By the pool's clock. */
  readonly startedAt: number
  /** By the wall clock. */
  readonly startedAtMillis: number
  /** At the start. */
  readonly workerCount: number
  private heard: Array<(notes: Notes) => void> = []
  private lost = 0
  private readonly most: number

  constructor({ counts, now }: Recorded, clock: Clock.Clock, most: number) {
    this.startedAt = now()
    this.startedAtMillis = clock.currentTimeMillisUnsafe()
    this.workerCount = counts().workers
    this.most = most
  }

  ended(...of: Parameters<Recorder["ended"]>): void {
    this.hear((notes) => notes.ended(...of))
  }

  retried(...[request, end, endedAt]: Parameters<Recorder["retried"]>): void {
    // By the time this is noted the request is elsewhere.
    const startedAt = request.since
    this.heard.push((notes) => notes.retriedSince(startedAt, request, end, endedAt))
  }

  scheduled(request: PoolRequest): void {
    const startsAt = request.details!.startsAt!
    this.heard.push((notes) => notes.scheduledAt(startsAt, request))
  }

  unaccepted(...of: Parameters<Recorder["unaccepted"]>): void {
    this.hear((notes) => notes.unaccepted(...of))
  }

  workers(...of: Parameters<Recorder["workers"]>): void {
    this.heard.push((notes) => notes.workers(...of))
  }

  /** In the order in which it came. */
  handOver(notes: Notes): void {
    for (const tell of this.heard) tell(notes)
    this.heard = []
    notes.lost += this.lost
  }

  /** A request that has its end. */
  private hear(tell: (notes: Notes) => void): void {
    if (this.heard.length < this.most) this.heard.push(tell)
    else this.lost++
  }
}
