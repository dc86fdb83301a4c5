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
import type { PoolRequest } from "./request.ts"
import type { Turn } from "./runtime.ts"

export interface Dependencies {
  readonly name: string
  readonly graceMillis: number
  readonly now: () => number
  readonly admission: Admission
  readonly counters: Counters
  readonly crew: Crew
  readonly deadlines: Deadlines
  readonly events: Events
  readonly queue: WaitingRequests
  readonly turn: Turn
  readonly onDrained: (report: DrainReport.DrainReport) => void
}

/** Needs no fiber: it is driven by the ends of requests and by two deadlines. */
export class Drain {
  /** Written here alone. It only moves forward. */
  state: State = "open"
  /** When everything that is left gets interrupted. */
  endsAt = Infinity
  private startedAt = 0
  private forced = false
  private readonly interrupted: Array<DrainReport.LeftRequest> = []
  private interruptedCount = 0
  private readonly report = Deferred.makeUnsafe<DrainReport.DrainReport>()
  private readonly deadline = new Deadline((now) => this.force(now))
  private readonly grace = new Deadline((now) => this.close(now))
  private pool!: Dependencies

  /** The drain looks at everything, and much looks at its state: it is made first and told of the rest here. */
  connect(pool: Dependencies): void {
    this.pool = pool
  }

  /** Starts the drain, or brings the deadline of one that runs nearer. Interrupting the wait stops nothing. */
  readonly run = (deadlineMillis: number): Effect.Effect<DrainReport.DrainReport> =>
    Effect.suspend(() => {
      this.start(deadlineMillis)
      return Deferred.await(this.report)
    })

  /** Called at each end of a request, before its caller is told. */
  onSettled(request: PoolRequest, from: Phase, now: number): void {
    if (this.state !== "draining" || request.end !== "interrupted") return
    this.interruptedCount++
    if (this.interrupted.length < DrainReport.listLimit) this.interrupted.push(left(request, from, now))
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

  private start(deadlineMillis: number): void {
    if (this.state === "closed") return
    const { crew, deadlines, events, queue } = this.pool
    const now = this.pool.now()
    if (this.state === "open") {
      this.state = "draining"
      this.startedAt = now
      if (events.on) events.publish({ _tag: "Draining" })
      crew.draining = true
      crew.paused = false
    } else if (this.forced || now + deadlineMillis >= this.endsAt) return
    this.endsAt = now + deadlineMillis
    deadlines.set(this.deadline, now, deadlineMillis)
    this.interruptAll(queue.all("blocked"))
    this.interruptAll(
      queue.all("delayed").filter(({ details }) => details?.delay !== undefined && details.delay.at >= this.endsAt)
    )
    crew.wakeAll()
    this.check()
  }

  private force(now: number): void {
    const { crew, deadlines, queue } = this.pool
    this.forced = true
    // Before anything is ended: the last end closes the pool.
    deadlines.set(this.grace, now, this.pool.graceMillis)
    crew.paused = true
    const running = crew.all.flatMap(({ request }) => (request?.phase === "running" ? [request] : []))
    this.interruptAll([...running, ...queue.all("delayed"), ...queue.all("waiting")])
  }

  /** However many they are, the host gets its turns in between. */
  private interruptAll(requests: ReadonlyArray<PoolRequest>, from = 0): void {
    const { admission, now, turn } = this.pool
    for (let at = from; at < requests.length; at++) {
      const time = now()
      if (turn.isOver(time)) return turn.defer(() => this.interruptAll(requests, at))
      admission.interrupt(requests[at]!, time)
    }
    this.check()
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
  workers: ReadonlyArray<{ readonly request: PoolRequest | undefined }>,
  now: number
): ReadonlyArray<DrainReport.LeftRequest> =>
  workers.flatMap(({ request }) => (request === undefined ? [] : [left(request, "running", now)]))

const left = (request: PoolRequest, phase: Phase, now: number): DrainReport.LeftRequest => ({
  id: request.id,
  tag: request.tag,
  phase,
  attempts: request.attempts,
  millis: now - request.since
})
