/** Fans events out to subscribers. A slow one loses its own oldest events, and is told how many. */
import { Effect, Queue, Scope, Stream } from "effect"
import type { PoolEvent } from "../PoolEvent.ts"
import type { Recorder } from "./recorder.ts"

const bufferSize = 1024

interface Subscriber {
  readonly queue: Queue.Queue<PoolEvent, never>
  missed: number
}

export class Events {
  private readonly subscribers = new Set<Subscriber>()
  private readonly listeners = new Set<(event: PoolEvent) => void>()
  private last: PoolEvent | undefined = undefined
  /** Hears of each request. */
  recorder: Recorder | undefined = undefined

  /** Whether anybody listens. Ask before building an event. After the last one nobody does. */
  get on(): boolean {
    return this.last === undefined && (this.subscribers.size > 0 || this.listeners.size > 0)
  }

  /** Calls back within the pool's own step, so that nothing is missed: only to write it down. Answers how to stop. */
  listen(listener: (event: PoolEvent) => void): () => void {
    if (this.last === undefined) this.listeners.add(listener)
    else listener(this.last)
    return () => void this.listeners.delete(listener)
  }

  publish(event: PoolEvent): void {
    for (const listener of this.listeners) listener(event)
    for (const subscriber of this.subscribers) {
      if (Queue.sizeUnsafe(subscriber.queue) >= bufferSize) subscriber.missed++
      Queue.offerUnsafe(subscriber.queue, event)
    }
  }

  /** The last event. Whoever subscribes later hears of nothing else. */
  end(event: PoolEvent): void {
    this.last = event
    this.publish(event)
  }

  readonly subscribe: Effect.Effect<Stream.Stream<PoolEvent>, never, Scope.Scope> = Effect.acquireRelease(
    Effect.map(Queue.make<PoolEvent>({ capacity: bufferSize, strategy: "sliding" }), (queue): Subscriber => {
      const subscriber = { queue, missed: 0 }
      if (this.last === undefined) this.subscribers.add(subscriber)
      else Queue.offerUnsafe(queue, this.last)
      return subscriber
    }),
    (subscriber) => Effect.sync(() => this.subscribers.delete(subscriber))
  ).pipe(
    Effect.map((subscriber) =>
      Stream.fromEffectRepeat(
        Effect.map(Queue.takeAll(subscriber.queue), (events): ReadonlyArray<PoolEvent> => {
          const { missed } = subscriber
          subscriber.missed = 0
          return missed === 0 ? events : [{ _tag: "EventsMissed", count: missed }, ...events]
        })
      ).pipe(
        Stream.flatMap(Stream.fromIterable),
        Stream.takeUntil((event) => event._tag === "Drained")
      )
    )
  )

  /** Subscribed when it is run, until the pool's last event. */
  readonly stream: Stream.Stream<PoolEvent> = Stream.unwrap(this.subscribe)
}
