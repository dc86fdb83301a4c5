/**
 * What happens, written once for all who watch, and handed to them together twenty times a second: a stream costs its
 * bytes, and not the time to make them.
 */
import { DateTime, Effect, Exit, Fiber, type Scope, Stream } from "effect"
import * as Sse from "effect/encoding/Sse"
import type { PoolEvent } from "../index.ts"
import type { Ended } from "./ended.ts"
import type { Monitor } from "./monitor.ts"
import type { Service } from "./service.ts"

const ofMonitor = ["point", "decision"]
const ofPool = [
  "requestEnded",
  "attemptFailed",
  "workerStarted",
  "workerEnded",
  "workerStuck",
  "resized",
  "paused",
  "resumed",
  "postponed",
  "limitChanged",
  "breakerChanged",
  "retryDenied",
  "overloaded",
  "recovered",
  "ticked",
  "threadChanged",
  "claimLapsed",
  "draining",
  "drained",
  "eventsMissed"
]
export const names = [...ofMonitor, ...ofPool]

/** Whether one of them is what the monitor sees, and not what happens in the pool. */
export const hasSeen = (wanted: ReadonlyArray<string>): boolean => wanted.some((name) => ofMonitor.includes(name))

/** An event as it is sent. */
export const textOf = (name: string, data: unknown, id?: string): string =>
  Sse.encoder.write({ _tag: "Event", event: name, id, data: JSON.stringify(data) })

/** Something now and then, so that whoever is between us keeps the connection. */
export const beat = ": here\n\n"

/** Takes bytes, at once: whoever cannot must give up. */
export type Watcher = (bytes: Uint8Array) => void

export interface Hub {
  /** From now on the watcher gets all events of these names. The answer ends that. */
  readonly watch: (wanted: ReadonlyArray<string>, watcher: Watcher) => () => void
}

/** Those who want the same get the same bytes. */
interface Group {
  readonly wanted: ReadonlySet<string>
  readonly isOfPool: boolean
  readonly watchers: Set<Watcher>
  texts: Array<string>
}

const flushMillis = 50
const beatMillis = 15_000

export const make = (service: Service, monitor: Monitor): Effect.Effect<Hub, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { idPrefix } = service.options
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const scope = yield* Effect.scope
    const run = (effect: Effect.Effect<void>) => Fiber.runIn(fork(effect), scope)
    const groups = new Map<string, Group>()
    const encoder = new TextEncoder()
    let isFlushing = false
    /** The pool's last event, for those who come later. */
    let drained: string | undefined
    let following: Fiber.Fiber<void> | undefined

    const flush = () => {
      isFlushing = false
      for (const group of groups.values()) {
        if (group.texts.length === 0) continue
        const bytes = encoder.encode(group.texts.join(""))
        group.texts = []
        for (const watcher of group.watchers) watcher(bytes)
      }
    }
    const put = (isFor: (group: Group) => boolean, text: string) => {
      for (const group of groups.values()) if (isFor(group)) group.texts.push(text)
      if (isFlushing || groups.size === 0) return
      isFlushing = true
      run(Effect.delay(Effect.sync(flush), flushMillis))
    }
    const isWanted = (name: string) => [...groups.values()].some(({ wanted }) => wanted.has(name))
    const tell = (name: string, data: unknown, id?: string) =>
      put(({ wanted }) => wanted.has(name), textOf(name, data, id))

    const ended = ({ attempts, deliveries, id, ranMillis, resubmittedFrom, state, type, waitedMillis }: Ended) =>
      tell("requestEnded", { id, type, state, attempts, deliveries, waitedMillis, ranMillis, resubmittedFrom })
    const tellOf = (happened: PoolEvent.PoolEvent): void => {
      const { _tag, ...data } = happened
      // The end of a pool is kept for those who come later.
      if (_tag !== "Drained" && !isWanted(nameOf(_tag))) return
      if (happened._tag === "RequestEnded") {
        const { outcome } = happened
        const entry = service.ledger.find(outcome.id)
        if (typeof entry === "object") {
          if (entry.ended === undefined) entry.listen((_, end) => ended(end))
          else ended(entry.ended)
          return
        }
        // Only the pool has it. To write it nearly always takes no time.
        const told = service.tell(outcome)
        if (Exit.isExit(told) && Exit.isSuccess(told)) ended(told.value as Ended)
        else run(Effect.map(told, ended))
      } else if (happened._tag === "AttemptFailed") {
        // Never the error: no schema describes it.
        const { attempt, delayMillis, id, tag } = happened
        tell("attemptFailed", { id, type: tag, attempt, delayMillis })
      } else if (happened._tag === "Postponed") {
        const { id, kind, millis, name, tag } = happened
        tell("postponed", { id, type: tag, kind, name, millis })
      } else if (happened._tag === "BreakerChanged") {
        const { from, key, tag, to } = happened
        tell("breakerChanged", { type: tag, key, from, to })
      } else if (happened._tag === "RetryDenied") {
        const { attempt, id, tag } = happened
        tell("retryDenied", { id, type: tag, attempt })
      } else if (happened._tag === "Ticked") {
        const { atEpochMillis, name, result } = happened
        tell("ticked", { name, at: DateTime.formatIso(DateTime.makeUnsafe(atEpochMillis)), result })
      } else if (happened._tag === "ThreadChanged") {
        const { change, detail, name, tag, thread } = happened
        tell("threadChanged", { name, thread, change, type: tag, detail })
      } else if (happened._tag === "ClaimLapsed") {
        const { deliveries, id, tag } = happened
        tell("claimLapsed", { id, type: tag, deliveries })
      } else {
        tell(nameOf(_tag), data)
        if (_tag === "Drained") drained = textOf(nameOf(_tag), data)
      }
    }
    const follow = Stream.runForEach(service.pool.events, (happened) => Effect.sync(() => tellOf(happened)))

    /** The pool makes no event for nobody. */
    const followAsWanted = () => {
      const isWanted = [...groups.values()].some(({ isOfPool }) => isOfPool)
      if (isWanted && drained === undefined) following ??= run(follow)
      if (isWanted || following === undefined) return
      run(Fiber.interrupt(following))
      following = undefined
    }

    yield* monitor.stream.pipe(
      Stream.runForEach(({ data, name, number }) => Effect.sync(() => tell(name, data, `${idPrefix}${number}`))),
      Effect.forkScoped
    )
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.delay(
          Effect.sync(() => put(() => true, beat)),
          beatMillis
        )
      )
    )

    return {
      watch: (wanted, watcher) => {
        const key = wanted.toSorted().join()
        const group: Group = groups.get(key) ?? {
          wanted: new Set(wanted),
          isOfPool: wanted.some((name) => ofPool.includes(name)),
          watchers: new Set(),
          texts: []
        }
        // What the others still have to get happened before.
        if (group.texts.length > 0) flush()
        groups.set(key, group)
        group.watchers.add(watcher)
        followAsWanted()
        if (drained !== undefined && group.wanted.has("drained")) watcher(encoder.encode(drained))
        return () => {
          group.watchers.delete(watcher)
          if (group.watchers.size > 0) return
          groups.delete(key)
          followAsWanted()
        }
      }
    }
  })

const nameOf = (tag: string): string => tag[0]!.toLowerCase() + tag.slice(1)
