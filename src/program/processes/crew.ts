/** The processes that serve: each in its place, started, replaced, and started anew when it dies. */
import { Cause, Clock, Deferred, Effect, Exit, Fiber, type Scope, Semaphore } from "effect"
import cluster from "node:cluster"
import { randomBytes } from "node:crypto"
import { keepAliveMillis } from "../../http/server.ts"
import type { Signal } from "../process/stop.ts"
import { giveToOthers } from "./given.ts"
import { DidNotStart, type Member } from "./member.ts"
import { type FromPrimary, type FromProcess, type Part, variable } from "./messages.ts"

export interface Options {
  readonly of: number
  readonly folder: string
  readonly port: number
  readonly endMillis: number
  readonly startMillis: number
  /** Before a process listens: tells it what holds by now. */
  readonly prepare: (member: Member) => Effect.Effect<void>
  /** A process has ended. */
  readonly ended: (member: Member) => Effect.Effect<void>
}

interface Place {
  readonly at: number
  current: Member | undefined
  /** Held by whoever starts a process there. */
  readonly lock: Semaphore.Semaphore
}

const firstPauseMillis = 100
/** One that computes hears late that another has its place; the next ones are not kept waiting. */
const leaveMillis = 10_000
const longestPauseMillis = 30_000
/** One that has lived for so long did not die of its start. */
const steadyMillis = 60_000

/** To whoever collects traces and metrics each process is an instance of its own. */
const telemetryOf = (prefix: string): NodeJS.ProcessEnv => {
  const given = process.env["OTEL_RESOURCE_ATTRIBUTES"] ?? ""
  if (/(^|,)\s*service\.instance\.id\s*=/.test(given)) return {}
  return { OTEL_RESOURCE_ATTRIBUTES: [given, `service.instance.id=${prefix}`].filter((text) => text !== "").join() }
}

/**
 * The port is Node's own to share: the process that started accepts, and gives each connection to the next that listens. It
 * takes a connection back that came to one which has just closed. With a socket for each (`SO_REUSEPORT`) the system breaks off what
 * waits at the one that closes, and shares less evenly.
 */
export class Crew {
  readonly options: Options
  readonly places: ReadonlyArray<Place>
  /** Those that have not ended, also if they take nothing more. */
  readonly members = new Set<Member>()
  /** Of those that are started from now on, as is the next. */
  endMillis: number
  /** One that does not listen by then hangs. */
  startMillis: number
  private stopping = false
  /** As all of them ask for it: those that ask for any share one. */
  private port: number
  /** What it has become. */
  private given: number | undefined
  private readonly run: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>

  constructor(options: Options, run: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>) {
    this.options = options
    this.run = run
    this.port = options.port
    this.endMillis = options.endMillis
    this.startMillis = options.startMillis
    this.places = Array.from({ length: options.of }, (_, at) => ({
      at,
      current: undefined,
      lock: Semaphore.makeUnsafe(1)
    }))
  }

  get serving(): ReadonlyArray<Member> {
    return this.places.flatMap(({ current }) => (current?.state === "serving" ? [current] : []))
  }

  get there(): ReadonlyArray<Member> {
    return [...this.members].filter(({ isThere }) => isThere).toSorted((a, b) => a.at - b.at)
  }

  /** All of them, the first alone before the others: what is wrong with all is told once. Answers where they listen. */
  readonly start: Effect.Effect<string, DidNotStart, Scope.Scope> = Effect.gen({ self: this }, function* () {
    const [first, ...others] = this.places
    const url = yield* this.fill(first!, true)
    yield* Effect.forEach(others, (place) => this.fill(place, true), { concurrency: "unbounded", discard: true })
    yield* Effect.forEach(this.places, (place) => Effect.forkScoped(this.keep(place)), { discard: true })
    return url
  })

  /** Each is replaced by one that listens before the old one is told. Ends early where one does not start: the others stay. Answers whether any is new. */
  readonly roll: Effect.Effect<boolean> = Effect.gen({ self: this }, function* () {
    yield* Effect.logInfo("SIGHUP: each process is replaced by a new one, and no request is dropped")
    for (const place of this.places) {
      const exit = yield* Effect.exit(place.lock.withPermits(1)(this.replace(place)))
      if (this.stopping) return true
      if (Exit.isSuccess(exit)) continue
      const error = Cause.squash(exit.cause)
      const why = error instanceof DidNotStart ? error.how : String(error)
      yield* Effect.logError(`SIGHUP: no process takes the place of process ${place.at + 1}, which stays: ${why}`)
      return place.at > 0
    }
    yield* Effect.logInfo("SIGHUP: all processes are new")
    return true
  })

  /** Waits until all have ended. */
  stop(signal: Signal): Effect.Effect<void> {
    this.stopping = true
    for (const member of this.members) this.tell(member, { type: "stop", signal })
    return Effect.forEach([...this.members], (member) => this.end(member, member.endMillis), {
      concurrency: "unbounded",
      discard: true
    })
  }

  /** At once. */
  kill(): void {
    for (const { worker } of this.members) worker.process.kill("SIGKILL")
  }

  private replace(place: Place) {
    return Effect.gen({ self: this }, function* () {
      if (this.stopping) return
      const old = place.current
      yield* this.fill(place, old === undefined)
      if (old === undefined || old.state === "gone") return this.recur(place)
      this.tell(old, { type: "stop", signal: "SIGHUP" })
      this.run(this.end(old, old.endMillis + keepAliveMillis))
      yield* Effect.timeoutOption(Deferred.await(old.left), leaveMillis)
      this.recur(place)
    })
  }

  /** Waits until it has ended, and kills it when it has not by then: one that hangs hears nothing. */
  private end(member: Member, millis: number): Effect.Effect<void> {
    return Effect.timeoutOrElse(Deferred.await(member.gone), {
      duration: millis,
      orElse: () => {
        member.worker.process.kill("SIGKILL")
        return Effect.andThen(
          Effect.logError(`process ${member.at + 1} (pid ${member.pid}) has not ended in ${millis} ms, and is killed`),
          Deferred.await(member.gone)
        )
      }
    })
  }

  private recur({ at, current }: Place): void {
    if (at === 0 && current !== undefined) this.tell(current, { type: "recur" })
  }

  /** A process in that place. Until it listens the one before it stays there. */
  private fill(place: Place, isAlone: boolean) {
    return Effect.gen({ self: this }, function* () {
      const member = this.fork(place.at, isAlone && place.at === 0)
      const url = yield* Effect.timeoutOrElse(Deferred.await(member.opened), {
        duration: this.startMillis,
        orElse: () => this.giveUp(member)
      })
      this.given = Number(new URL(url).port)
      place.current = member
      this.tellServing()
      return url
    })
  }

  /** One that may still be loading is not waited for: its place is another one's, or stays as it is. */
  private giveUp(member: Member): Effect.Effect<never, DidNotStart> {
    const { startMillis } = this
    return Effect.suspend(() => {
      const how = `was expected to listen within ${startMillis} ms (startTimeout), did not, and was killed`
      member.notStarted = how
      member.worker.process.kill("SIGKILL")
      const failed = new DidNotStart({ place: member.at, code: 1, how: `process ${member.at + 1} ${how}` })
      return Effect.andThen(Deferred.await(member.gone), failed)
    })
  }

  private fork(at: number, recurs: boolean): Member {
    const { folder, of } = this.options
    const prefix = randomBytes(3).toString("hex")
    // Nobody has kept it.
    if (this.members.size === 0) this.port = this.given ?? this.port
    const part: Part = { at, of, folder, prefix, port: this.port, recurs }
    const worker = cluster.fork({ [variable]: JSON.stringify(part), ...telemetryOf(prefix) })
    const member: Member = {
      at,
      prefix,
      pid: worker.process.pid ?? 0,
      worker,
      endMillis: this.endMillis,
      state: "starting",
      isThere: false,
      opened: Deferred.makeUnsafe(),
      left: Deferred.makeUnsafe(),
      gone: Deferred.makeUnsafe(),
      notStarted: undefined,
      last: undefined
    }
    this.members.add(member)
    giveToOthers(worker, () => this.serving.some((other) => other !== member))
    worker.on("message", (message: FromProcess) => this.hear(member, message))
    worker.on("error", () => undefined)
    worker.on("exit", (code: number | null, signal: string | null) => this.ended(member, code, signal))
    return member
  }

  private hear(member: Member, message: FromProcess): void {
    switch (message.type) {
      case "ready":
        member.isThere = true
        this.run(
          Effect.andThen(
            this.options.prepare(member),
            Effect.sync(() => this.tell(member, { type: "open" }))
          )
        )
        return
      case "listening":
        member.state = "serving"
        if (this.stopping) this.tell(member, { type: "stop", signal: "SIGTERM" })
        return void Deferred.doneUnsafe(member.opened, Effect.succeed(message.url))
      case "leaving":
        member.state = "leaving"
        Deferred.doneUnsafe(member.left, Effect.void)
        return this.tellServing()
      case "last":
        member.last = message
    }
  }

  private ended(member: Member, code: number | null, signal: string | null): void {
    const how = member.notStarted ?? (signal === null ? `ended with code ${code}` : `was killed by ${signal}`)
    const isExpected = this.stopping || (code === 129 && member.state === "leaving")
    member.state = "gone"
    this.members.delete(member)
    const line = `process ${member.at + 1} (pid ${member.pid}) ${isExpected ? "has gone" : how}`
    // In this step it goes over to those that have ended: what is counted never falls.
    this.run(Effect.andThen(this.options.ended(member), isExpected ? Effect.logInfo(line) : Effect.logError(line)))
    const failed = new DidNotStart({ place: member.at, code: code ?? 70, how: `process ${member.at + 1} ${how}` })
    Deferred.doneUnsafe(member.opened, Effect.fail(failed))
    Deferred.doneUnsafe(member.left, Effect.void)
    Deferred.doneUnsafe(member.gone, Effect.void)
    this.tellServing()
  }

  /** For as long as the service lives: the place of one that has left by itself is taken by another one. */
  private keep(place: Place): Effect.Effect<never> {
    let pauseMillis = 0
    return Effect.forever(
      Effect.gen({ self: this }, function* () {
        const member = place.current!
        const since = yield* Clock.currentTimeMillis
        yield* Deferred.await(member.left)
        if (this.stopping) return yield* Effect.never
        yield* place.lock.withPermits(1)(
          Effect.gen({ self: this }, function* () {
            // It was replaced.
            if (place.current !== member) return
            if ((yield* Clock.currentTimeMillis) - since > steadyMillis) pauseMillis = 0
            for (;;) {
              pauseMillis = Math.min(longestPauseMillis, Math.max(firstPauseMillis, pauseMillis * 2))
              yield* Effect.logInfo(`another process takes the place of process ${place.at + 1} in ${pauseMillis} ms`)
              yield* Effect.sleep(pauseMillis)
              if (this.stopping) return yield* Effect.never
              if (Exit.isSuccess(yield* Effect.exit(this.fill(place, true)))) return
            }
          })
        )
      })
    )
  }

  private tellServing(): void {
    const prefixes = this.places.map(({ current }) => (current?.state === "serving" ? current.prefix : null))
    for (const member of this.members) this.tell(member, { type: "serving", prefixes })
  }

  private tell({ worker }: Member, message: FromPrimary): void {
    // One that has just ended hears nothing; its end is told apart.
    if (worker.isConnected()) worker.send(message, () => undefined)
  }
}
