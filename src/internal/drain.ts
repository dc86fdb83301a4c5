/** The way from open to closed: refuse, finish, interrupt at the deadline, give up after the grace, and report. */
import { Deferred, Effect } from "effect"
import * as DrainReport from "../DrainReport.ts"
import { ends } from "../Outcome.ts"
import type { Phase } from "../PoolError.ts"
import type { State } from "../PoolSnapshot.ts"
import type { WaitingRequests } from "../RequestQueue.ts"
import type { Admission } from "./admission.ts"
import type { Counters } from "./counters.ts"
import type { Crew } from "./crew.ts"
import { Deadline, type Deadlines } from "./deadlines.ts"
import type { Events } from "./events.ts"
import type { Nesting } from "./nesting.ts"
import type { PoolRequest } from "./request.ts"
import type { Turn } from "./runtime.ts"
import { requestsOf, type Worker } from "./worker.ts"

export interface Dependencies {
  readonly name: string
  readonly graceMillis: number
  readonly now: () => number
  readonly admission: Admission
  readonly counters: Counters
  readonly crew: Crew
  readonly deadlines: Deadlines
  readonly events: Events
  readonly nesting: Nesting
  readonly queue: WaitingRequests
  readonly turn: Turn
  readonly onDrained: (report: DrainReport.DrainReport) => void
}

/** What a drain does with what waits, and with what would wait for another attempt. */
export type Waiting = "finish" | "interrupt"

/** Needs no fiber: it is driven by the ends of requests and by two deadlines. */
export class Drain {
  /** Written here alone. It only moves forward. */
  state: State = "open"
  /** When everything that is left gets interrupted. */
  endsAt = Infinity
  private startedAt = 0
  private forced = false
  /** What waits is not finished either. */
  private dropsWaiting = false
  private readonly interrupted: Array<DrainReport.LeftRequest> = []
  private interruptedCount = 0
  private readonly report = Deferred.makeUnsafe<DrainReport.DrainReport>()
  private readonly deadline = new Deadline((now) => this.force(now))
  private readonly grace = new Deadline((now) => this.endGrace(now))
  /** Those that are to be ended are not yet: with very many of them that takes turns. */
  private interrupting = 0
  private isGraceOver = false
  private pool!: Dependencies

  /** The drain looks at everything, and much looks at its state: it is made first and told of the rest here. */
  connect(pool: Dependencies): void {
    this.pool = pool
  }

  /** Starts the drain, or brings the deadline of one that runs nearer. Interrupting the wait stops nothing. */
  readonly run = (deadlineMillis: number, waiting: Waiting = "finish"): Effect.Effect<DrainReport.DrainReport> =>
    Effect.suspend(() => {
      this.start(deadlineMillis, waiting)
      return Deferred.await(this.report)
    })

  /** Whether what was accepted may still go on, and ask for more. */
  get isFinishing(): boolean {
    return this.state === "draining" && !this.forced
  }

  /** Until when this request may come back from between two attempts. */
  latestReturn(request: PoolRequest): number {
    return this.dropsWaiting && !this.pool.nesting.isFromWithin(request) ? -Infinity : this.endsAt
  }

  /** Called at each end of a request, before its caller is told. It was in its last phase for that long. */
  onSettled(request: PoolRequest, from: Phase, millis: number): void {
    if (this.state !== "draining" || request.end !== "interrupted") return
    this.interruptedCount++
    if (this.interrupted.length < DrainReport.listLimit) this.interrupted.push(left(request, from, millis))
  }

  /** Ends the drain when nothing is left to wait for. Called whenever a request or a worker has ended. */
  readonly check = (): void => {
    if (this.state !== "draining") return
    const { counters, deadlines, now, queue } = this.pool
    if (queue.waiting + queue.delayed + counters.running + counters.ending > 0) return
    if (counters.stuck === 0) this.close(now())
    // Every request has its end. What is stuck has ignored one grace already: it gets the second one, but no more.
    else if (this.grace.at === Infinity) deadlines.set(this.grace, now(), this.pool.graceMillis)
  }

  /** The same without the wait. */
  start(deadlineMillis: number, waiting: Waiting): void {
    if (this.state === "closed" || this.forced) return
    const { crew, deadlines, events, nesting, queue } = this.pool
    const now = this.pool.now()
    if (this.state === "open") {
      this.state = "draining"
      this.startedAt = now
      if (events.on) events.publish({ _tag: "Draining" })
      crew.draining = true
      queue.resumeAll(now)
    }
    if (now + deadlineMillis < this.endsAt) {
      this.endsAt = now + deadlineMillis
      deadlines.set(this.deadline, now, deadlineMillis)
    }
    if (waiting === "interrupt") this.dropsWaiting = true
    const others = (phase: "blocked" | "waiting" | "delayed") =>
      queue.all(phase).filter((request) => !nesting.isFromWithin(request))
    // Nothing is started before what is not to be finished has its end.
    crew.paused = true
    this.interruptAll(
      [
        ...others("blocked"),
        ...queue.all("delayed").filter((request) => (request.details?.delay?.at ?? 0) >= this.latestReturn(request)),
        ...(this.dropsWaiting ? others("waiting") : [])
      ],
      () => {
        if (!this.isFinishing) return
        crew.paused = false
        crew.wakeAll()
      }
    )
  }

  private force(now: number): void {
    const { crew, deadlines, queue } = this.pool
    this.forced = true
    // Before anything is ended: the last end closes the pool.
    deadlines.set(this.grace, now, this.pool.graceMillis)
    crew.paused = true
    const running = crew.all.flatMap(requestsOf).filter(({ phase }) => phase === "running")
    this.interruptAll([...running, ...queue.all("delayed"), ...queue.all("waiting"), ...queue.all("blocked")])
  }

  /** However many they are, the host gets its turns in between. */
  private interruptAll(requests: ReadonlyArray<PoolRequest>, then?: () => void): void {
    this.interrupting++
    this.interruptFrom(0, requests, then)
  }

  private interruptFrom(from: number, requests: ReadonlyArray<PoolRequest>, then: (() => void) | undefined): void {
    const { admission, now, turn } = this.pool
    for (let at = from; at < requests.length; at++) {
      const time = now()
      if (turn.isOver(time)) return turn.defer(() => this.interruptFrom(at, requests, then))
      admission.interrupt(requests[at]!, time)
    }
    this.interrupting--
    then?.()
    if (this.isGraceOver && this.interrupting === 0) this.close(now())
    else this.check()
  }

  /** What ignores its interruption is given up on; but nothing that only waits is left without its end, however many there are. */
  private endGrace(now: number): void {
    if (this.interrupting > 0) this.isGraceOver = true
    else this.close(now)
  }

  private close(now: number): void {
    if (this.state !== "draining") return
    const { counters, crew, deadlines, events, name } = this.pool
    this.state = "closed"
    deadlines.clear(this.deadline)
    deadlines.clear(this.grace)
    deadlines.stop()
    const stuck = leftRunning(crew.all, now)
    crew.close()
    const report: DrainReport.DrainReport = {
      pool: name,
      forced: this.forced,
      tookMillis: now - this.startedAt,
      accepted: counters.accepted,
      ends: Object.fromEntries(ends.map((end) => [end, counters[end]])) as DrainReport.DrainReport["ends"],
      interrupted: this.interrupted,
      interruptedCount: this.interruptedCount,
      stuck: stuck.slice(0, DrainReport.listLimit),
      stuckCount: stuck.length
    }
    this.pool.onDrained(report)
    events.end({ _tag: "Drained", report })
    this.pool.turn.run(now, () => Deferred.doneUnsafe(this.report, Effect.succeed(report)))
  }
}

/** The requests whose attempts have not ended, their finalizers included. */
export const leftRunning = (
  workers: ReadonlyArray<Pick<Worker, "batch" | "request" | "startedAt">>,
  now: number
): ReadonlyArray<DrainReport.LeftRequest> =>
  workers.flatMap((worker) => requestsOf(worker).map((request) => left(request, "running", now - worker.startedAt)))

const left = (request: PoolRequest, phase: Phase, millis: number): DrainReport.LeftRequest => ({
  id: request.id,
  tag: request.tag,
  phase,
  attempts: request.attempts,
  millis
})
