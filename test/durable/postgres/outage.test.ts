/** The store on PostgreSQL when its server cannot be reached, or does not answer. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import type { Session, Store } from "../../../src/durable/Store.ts"
import { lawViolations } from "../../../src/durable/service.ts"
import { make } from "../../../src/durable/postgres/store.ts"
import { heardBy, memberOf, newTag, requestOf, requestsOf, settle } from "../store/fixture.ts"
import { serverOf } from "./server.ts"
import * as Wire from "./wire.ts"

const server = serverOf("outage")

const joined = Effect.gen(function* () {
  const wire = yield* Effect.suspend(() => Wire.make(server.url()))
  const store: Store["Service"] = yield* make({ url: wire.url, kind: "postgres", schema: server.schema })
  const tag = newTag()
  const session = yield* store.join(memberOf([tag]))
  return { wire, store, tag, session }
})

/** Until a step comes through. */
const isBack = (session: Session): Effect.Effect<void> =>
  session.beat(null).pipe(
    Effect.asVoid,
    Effect.catch(() => Effect.andThen(Effect.sleep(50), isBack(session)))
  )

const secondsOf = (effect: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const from = performance.now()
    yield* Effect.exit(effect)
    return (performance.now() - from) / 1_000
  })

describe("a store whose server is away", () => {
  it.live(
    "fails each step, without a secret, and goes on once it is back",
    () =>
      Effect.gen(function* () {
        const { session, store, tag, wire } = yield* joined
        const heard = yield* heardBy(session)
        const request = requestOf(tag)
        yield* session.insert([request])
        const claims = yield* session.claim([tag], 1)
        yield* wire.cut
        const steps: Record<string, Effect.Effect<unknown, unknown, Scope.Scope>> = {
          insert: session.insert([requestOf(tag)]),
          claim: session.claim([tag], 1),
          settle: settle(session, claims),
          touch: session.touch(claims),
          beat: session.beat(null),
          redeliver: session.redeliver,
          maintain: session.maintain,
          find: session.find(request.id),
          list: session.list({ limit: 1 }),
          counts: session.counts,
          join: store.join(memberOf([tag]))
        }
        for (const [name, step] of Object.entries(steps)) {
          const error = yield* Effect.flip(Effect.scoped(step))
          expect([name, error]).toMatchObject([name, { _tag: "StoreUnavailable", reason: "away" }])
          const password = new URL(wire.url.replace("postgres:", "http:")).password
          if (password !== "") expect(String(error)).not.toContain(password)
        }
        yield* wire.mend
        yield* isBack(session)
        expect(yield* settle(session, claims)).toEqual(new Set([request.id]))
        while (!heard.some(({ _tag }) => _tag === "Missed")) yield* Effect.sleep(50)
        yield* session.insert([requestOf(tag)])
        while (!heard.some((notice) => notice._tag === "Work" && notice.tags.includes(tag))) yield* Effect.sleep(10)
        expect(lawViolations(yield* session.counts)).toEqual([])
      }),
    30_000
  )

  it.live(
    "ends each step within its bound where nobody answers, and what it was asked has happened whole or not at all",
    () =>
      Effect.gen(function* () {
        const { session, tag, wire } = yield* joined
        const requests = requestsOf(tag, 3)
        yield* session.insert([requests[0]!])
        const claims = yield* session.claim([tag], 1)
        yield* wire.hold
        const seconds = yield* Effect.forEach(
          [
            session.insert(requests),
            settle(session, claims),
            session.claim([tag], 1),
            session.beat(null),
            session.counts
          ],
          secondsOf,
          { concurrency: "unbounded" }
        )
        for (const each of seconds) expect(each).toBeLessThan(17)
        yield* wire.release
        yield* isBack(session)
        // To repeat it is harmless, whatever came of it.
        yield* session.insert(requests)
        yield* settle(session, claims)
        const counts = yield* session.counts
        expect(counts.tags[tag]).toEqual({ waiting: 2, delayed: 0, claimed: 0 })
        expect(lawViolations(counts)).toEqual([])
      }),
    60_000
  )

  it.live(
    "is left within a short time, whether it refuses or does not answer",
    () =>
      Effect.gen(function* () {
        const scopes = yield* Effect.all([Scope.make(), Scope.make()])
        const [refusing, silent] = yield* Effect.forEach(scopes, (scope) => joined.pipe(Scope.provide(scope)))
        yield* refusing!.wire.cut
        yield* silent!.wire.hold
        const step = yield* Effect.forkChild(silent!.session.counts, { startImmediately: true })
        for (const scope of scopes) expect(yield* secondsOf(Scope.close(scope, Exit.void))).toBeLessThan(4)
        yield* Fiber.interrupt(step)
      }),
    30_000
  )

  it.live(
    "a claim that nobody waits for any more is given back, uncounted",
    () =>
      Effect.gen(function* () {
        const { session, tag, wire } = yield* joined
        const other = yield* Effect.flatMap(
          make({ url: server.url(), kind: "postgres", schema: server.schema }),
          (store) => store.join(memberOf([tag]))
        )
        const request = requestOf(tag)
        yield* session.insert([request])
        yield* wire.holdAnswers
        const claiming = yield* Effect.forkChild(session.claim([tag], 1), { startImmediately: true })
        const isClaimed = Effect.map(other.find(request.id), (found) => found?.state === "claimed")
        while (!(yield* isClaimed)) yield* Effect.sleep(10)
        yield* Fiber.interrupt(claiming)
        yield* wire.release
        while (yield* isClaimed) yield* Effect.sleep(10)
        const [claim] = yield* other.claim([tag], 1)
        expect(claim).toMatchObject({ request: { id: request.id }, deliveries: 1 })
      }),
    30_000
  )

  it.live("behind a pooler hears notices elsewhere, or none, and does all else", () =>
    Effect.gen(function* () {
      const tag = newTag()
      const options = { url: server.url(), kind: "postgres", schema: server.schema } as const
      const hearing = yield* Effect.flatMap(make({ ...options, listenUrl: server.url() }), (store) =>
        store.join(memberOf([tag]))
      )
      const deaf = yield* Effect.flatMap(make({ ...options, listenUrl: "none" }), (store) =>
        store.join(memberOf([tag]))
      )
      const [heard, unheard] = [yield* heardBy(hearing), yield* heardBy(deaf)]
      const request = requestOf(tag)
      yield* deaf.insert([request])
      expect(yield* settle(deaf, yield* deaf.claim([tag], 1))).toEqual(new Set([request.id]))
      while (!heard.some((notice) => notice._tag === "Ended" && notice.ids.includes(request.id)))
        yield* Effect.sleep(10)
      expect(unheard).toEqual([])
    })
  )
})
