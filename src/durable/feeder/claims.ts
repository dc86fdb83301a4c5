/** How much to claim, and when: no more than the workers will soon begin. */
import { Effect, Exit } from "effect"
import type { Batches } from "./batches.ts"
import type { Held } from "./held.ts"
import type { Settings } from "../settings.ts"
import { backoff, elapsed, Portion, Signal } from "../signal.ts"
import type { Claim, Session } from "../Store.ts"

/** What it needs to know of the pool within. */
export interface Load {
  /** The number of workers asked for. */
  readonly target: number
  /** The attempts that what it has and has not ended takes, but for what no worker could begin now. */
  readonly pending: number
  /** Of a tag: those that no worker could begin now, since a limit or a gate of this process is in the way. */
  readonly heldBack: (tag: string) => number
  /** Attempts' worth of requests that have ended so far. */
  readonly ended: number
}

export interface Pool {
  readonly load: Effect.Effect<Load>
  /** The tags that may start now: those that it serves and that are not paused. */
  readonly tags: () => ReadonlyArray<string>
  /** Whether it is of a key that is paused: to begin it gives it back for a while. */
  readonly isPaused: (claim: Claim) => boolean
  /** Begins a request. */
  readonly begin: (claim: Claim) => Effect.Effect<void>
  /** Keeps a request without beginning it. */
  readonly keep: (claim: Claim) => Effect.Effect<void>
  /** Gives back one that has not begun. */
  readonly giveBack: (claim: Claim) => void
  /** Gives back all that have not begun for a while, where another process could begin them. */
  readonly giveBackWaiting: Effect.Effect<void>
  /** Gives back all that have not begun. */
  readonly giveBackAll: Effect.Effect<void>
  /** A claim has failed, and may have been one all the same. */
  readonly onFailed: Effect.Effect<void>
}

/** The most that one statement claims. */
const mostTogether = 500
/** A request that so many processes have ended under, less this one, may be what ends them: it runs alone. */
const suspectFrom = 3
/** Where nothing has ended for so long, nothing is claimed ahead, and what was has been taken too early. */
const stallMillis = 2_000
/** Between two looks at whether there are more workers. */
const fullMillis = 100
/** How often the store's backlog is looked at while there is one. */
const backlogMillis = 1_000

export class Claims {
  private readonly signal = new Signal()
  private readonly session: Session
  private readonly held: Held
  private readonly pool: Pool
  private readonly settings: Settings
  private readonly batches: Batches
  /** Tags of which there may be something to claim. */
  private readonly hot = new Set<string>()
  private readonly portion = new Portion(mostTogether)
  private isReady = false
  private isClosed = false
  private readonly closing = new Signal()
  /** How many more are claimed than there is room for, since so many may not begin that stand before those that may. */
  private beyond = 0
  private rate = 0
  private measured = { at: -Infinity, ended: 0 }
  private endedAt = -Infinity
  private claimMillis = 0
  private backlogAt = -Infinity
  /** What waits in the store beyond what this process has, for its tags. */
  backlog = 0

  constructor(session: Session, held: Held, pool: Pool, settings: Settings, batches: Batches) {
    this.batches = batches
    this.session = session
    this.held = held
    this.pool = pool
    this.settings = settings
    held.onGone = () => this.signal.wake()
  }

  /** There is something to claim, of these tags. */
  heard(tags: Iterable<string>): void {
    for (const tag of tags) this.hot.add(tag)
    this.signal.wake()
  }

  /** Anything may have changed. */
  missed(): void {
    this.heard(this.pool.tags())
  }

  /** What is paused is known: it may begin. */
  ready(): void {
    if (this.isReady) return
    this.isReady = true
    this.signal.wake()
  }

  /** Nothing is claimed from now on. */
  close(): void {
    this.isClosed = true
    this.closing.wake()
    this.signal.wake()
  }

  /** Runs until it is closed. */
  readonly run: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    while (!this.isReady && !this.isClosed) yield* this.signal.wait()
    this.missed()
    for (let failures = 0; !this.isClosed;) {
      const exit = yield* Effect.exit(this.step)
      if (Exit.isSuccess(exit)) failures = 0
      else yield* this.closing.wait(backoff(failures++))
    }
  })

  private readonly step = Effect.gen({ self: this }, function* () {
    const load = yield* this.pool.load
    const room = this.roomOf(load, yield* elapsed)
    const able = this.pool.tags().filter((tag) => this.hot.has(tag) && this.mayHaveMore(tag, load, room))
    const { groups, size, tags } = this.batches.next(able)
    if (room < 1 || tags.length === 0) {
      const isFull = this.hot.size > 0
      // Full, it waits for an end, or for more workers; with nothing to claim it looks now and then, since a notice may have been lost.
      yield* this.signal.wait(isFull ? fullMillis : this.settings.pollMillis)
      if (this.isStalled(yield* elapsed)) yield* this.pool.giveBackWaiting
      yield* this.lookAtTimes(isFull ? backlogMillis : this.settings.pollMillis)
      return
    }
    for (const tag of tags) this.hot.delete(tag)
    const startedAt = yield* elapsed
    const places = this.placesOf(room, groups, size, size > 1 ? load.heldBack(tags[0]!) : 0)
    const most = Math.min(places + this.beyond, this.portion.size, this.settings.maxHeld - this.held.size)
    const claimed = yield* Effect.tapError(this.session.claim(tags, most), () => {
      this.heard(tags)
      this.portion.failed()
      return this.pool.onFailed
    })
    this.portion.succeeded()
    this.claimMillis += 0.2 * ((yield* elapsed) - startedAt - this.claimMillis)
    if (claimed.length === most) {
      for (const tag of tags) this.hot.add(tag)
      // What was claimed is begun, whatever becomes of this.
      yield* Effect.ignore(this.lookAtTimes(backlogMillis))
    } else this.backlog = 0
    yield* this.take(claimed, places)
  })

  private readonly take = (claimed: ReadonlyArray<Claim>, room: number) =>
    Effect.gen({ self: this }, function* () {
      const suspects = claimed.filter(({ deliveries }) => deliveries >= suspectFrom)
      let begun = 0
      let paused = 0
      for (const claim of claimed) {
        if (claim.deliveries >= suspectFrom) continue
        const isPaused = this.pool.isPaused(claim)
        if (this.isClosed || (!isPaused && begun >= room)) this.pool.giveBack(claim)
        else yield* this.pool.begin(claim)
        if (isPaused) paused++
        else begun++
      }
      this.beyond = 2 * paused
      const [suspect, ...others] = suspects
      if (suspect === undefined) return
      for (const claim of others) this.pool.giveBack(claim)
      this.heard(others.map(({ request: { tag } }) => tag))
      yield* this.runAlone(suspect)
    })

  /** Whoever shares the process with it could be taken along once more, and in the end be taken for what it is not. */
  private readonly runAlone = (suspect: Claim) =>
    Effect.gen({ self: this }, function* () {
      yield* this.pool.keep(suspect)
      while (this.held.size > 1 && !this.isClosed) {
        // What has not begun need not before it, and may not for long: it may be paused, or a limit in its way.
        yield* this.pool.giveBackAll
        yield* this.signal.wait(stallMillis)
      }
      // Somebody may have ended it meanwhile.
      if (this.held.get(suspect.request.id)?.claim !== suspect) return
      if (this.isClosed) return this.pool.giveBack(suspect)
      yield* this.pool.begin(suspect)
      while (this.held.size > 0 && !this.isClosed) yield* this.signal.wait()
      this.missed()
    })

  /** As many attempts as the workers will begin in the time that a claim takes, and a little more. */
  private roomOf({ ended, pending, target }: Load, now: number): number {
    const { lookAheadMillis, maxHeld } = this.settings
    if (ended > this.measured.ended || pending === 0) this.endedAt = now
    const elapsed = now - this.measured.at
    if (elapsed >= 100) {
      const rate = (ended - this.measured.ended) / elapsed
      this.rate = elapsed > stallMillis ? rate : this.rate + 0.3 * (rate - this.rate)
      this.measured = { at: now, ended }
    }
    const workers = Math.max(1, target)
    const soon = this.rate * Math.max(lookAheadMillis, 2 * this.claimMillis)
    const ahead = this.isStalled(now) ? 0 : Math.max(workers / 2, soon)
    return Math.floor(Math.min(this.portion.size, maxHeld - this.held.size, workers + Math.ceil(ahead) - pending))
  }

  /**
   * How many requests fit there: the room is shared among the groups that want it, and what waits already for its batch to fill has its
   * place. There is room for one at least.
   */
  private placesOf(room: number, groups: number, size: number, filling: number): number {
    if (groups === 1 && size === 1) return room
    return Math.max(1, Math.min(Math.ceil(room / groups) * size - filling, this.portion.size))
  }

  /** More of a tag of which enough cannot begin would take the place of what can. */
  private mayHaveMore(tag: string, { heldBack, target }: Load, room: number): boolean {
    const enough = Math.max(1, target / 2)
    const size = this.batches.sizeOf(tag)
    return heldBack(tag) < (size === 1 ? enough : Math.min(enough, room) * size)
  }

  private isStalled(now: number): boolean {
    return now - this.endedAt > stallMillis
  }

  private readonly look = Effect.gen({ self: this }, function* () {
    const tags = this.pool.tags()
    if (tags.length === 0 || this.isClosed) return
    this.backlogAt = yield* elapsed
    const { waiting } = yield* this.session.backlog(tags)
    this.backlog = waiting
    if (waiting > 0) this.heard(tags)
  })

  private readonly lookAtTimes = (millis: number) =>
    Effect.flatMap(elapsed, (now) => (now - this.backlogAt >= millis ? this.look : Effect.void))
}
