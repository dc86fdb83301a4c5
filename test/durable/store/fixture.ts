/** What the tests of a store are written with. They may share one store: each has tags of its own. */
import { expect, it } from "@effect/vitest"
import { Effect, Exit, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { type Outcome, PoolError } from "../../../src/index.ts"
import { ended } from "../../../src/durable/exits.ts"
import type {
  Claim,
  EndRecord,
  Member,
  NewRequest,
  Notice,
  Session,
  Store,
  Transaction
} from "../../../src/durable/Store.ts"

export interface Options {
  /** `real`: time goes by itself. */
  readonly clock: "test" | "real"
  /** For a store that takes part in transactions: runs this in one, which is then committed, or rolled back. */
  readonly inTransaction?: <A, E>(
    use: (transaction: Transaction) => Effect.Effect<A, E>,
    commits: boolean
  ) => Effect.Effect<A, E | Error>
}

type Body = (store: Store["Service"]) => Effect.Effect<void, unknown, Scope.Scope>

export interface Suite extends Options {
  readonly test: (name: string, body: Body) => void
  /** So much time goes by for the store. */
  readonly pass: (millis: number) => Effect.Effect<void>
  /** Asks until the answer is as it should be, while time goes by: within ten seconds. */
  readonly eventually: <A, E>(ask: Effect.Effect<A, E>, isRight: (answer: A) => boolean) => Effect.Effect<A, E>
}

export const makeSuite = (
  makeStore: Effect.Effect<Store["Service"], unknown, Scope.Scope>,
  options: Options
): Suite => {
  const run = options.clock === "test" ? it.effect : it.live
  const pass = (millis: number) => (options.clock === "test" ? TestClock.adjust(millis) : Effect.sleep(millis))
  return {
    ...options,
    test: (name, body) => run(name, () => Effect.scoped(Effect.flatMap(makeStore, body)), 60_000),
    pass,
    eventually: Effect.fnUntraced(function* (ask, isRight) {
      for (let waited = 0; ; waited += 25) {
        const answer = yield* ask
        if (isRight(answer)) return answer
        if (waited >= 10_000) return expect.fail(`after ten seconds it is still ${JSON.stringify(answer)}`)
        yield* pass(25)
      }
    })
  }
}

export const newId = (): string => crypto.randomUUID()

let tags = 0
/** A tag that no other test has. */
export const newTag = (): string => `Tag${process.pid}x${++tags}`

export const memberOf = (tags: ReadonlyArray<string>, member: Partial<Member> = {}): Member => ({
  id: newId(),
  pool: "orders",
  host: "here",
  pid: 1,
  role: "both",
  tags,
  deliveries: 5,
  keepOutcomesMillis: 86_400_000,
  ...member
})

export const requestOf = (tag: string, request: Partial<NewRequest> = {}): NewRequest => ({
  id: newId(),
  tag,
  payload: { of: tag },
  priority: 0,
  key: "",
  delayMillis: 0,
  expiresInMillis: undefined,
  call: {},
  traceparent: undefined,
  resubmittedFrom: undefined,
  fingerprint: undefined,
  ...request
})

export const requestsOf = (tag: string, count: number, request: Partial<NewRequest> = {}): ReadonlyArray<NewRequest> =>
  Array.from({ length: count }, () => requestOf(tag, request))

/** How a request ended that an attempt has ended. */
export const endOf = ({ deliveries, request }: Claim, end: Outcome.End = "succeeded"): EndRecord => ({
  id: request.id,
  tag: request.tag,
  end,
  exit: `{"_tag":"Success","value":"of ${request.id}"}`,
  attempts: 1,
  deliveries,
  waitedMillis: 12.5,
  ranMillis: 3.25,
  resubmittedFrom: undefined
})

/** How one ends that somebody cancels. */
export const cancelledOf = (request: NewRequest): EndRecord =>
  ended(request, "cancelled", new PoolError.RequestCancelled({ tag: request.tag }), { deliveries: 0, waitedMillis: 1 })

export const settle = (session: Session, claims: ReadonlyArray<Claim>, end?: Outcome.End) =>
  session.settle(claims.map((claim) => ({ claim, record: endOf(claim, end) })))

export const giveBack = (
  session: Session,
  claims: ReadonlyArray<Claim>,
  so: { readonly counts?: boolean; readonly delayMillis?: number; readonly attempts?: number } = {}
) => session.giveBack(claims.map((claim) => ({ claim, delayMillis: 0, attempts: 0, counts: false, ...so })))

/** All that can be claimed of a tag, in the order in which it comes. */
export const claimAll = Effect.fnUntraced(function* (session: Session, tag: string) {
  const claims: Array<Claim> = []
  for (;;) {
    const more = yield* session.claim([tag], 100)
    if (more.length === 0) return claims
    claims.push(...more)
  }
})

export const idsOf = (claims: ReadonlyArray<Claim>): ReadonlyArray<string> => claims.map(({ request }) => request.id)

/** Where each is. */
export const statesOf = (session: Session, ids: ReadonlyArray<string>) =>
  Effect.forEach(ids, (id) =>
    Effect.map(session.find(id), (record) => (record?.state === "ended" ? record.end?.end : record?.state))
  )

/** All that this session hears from now on. */
export const heardBy = Effect.fnUntraced(function* (session: Session) {
  const heard: Array<Notice> = []
  yield* session.listen((notice) => void heard.push(notice))
  return heard
})

/** Whether a notice of this kind was among them that names it. */
export const hasHeard = (heard: ReadonlyArray<Notice>, tag: Notice["_tag"], what?: string): boolean =>
  heard.some((notice) => {
    if (notice._tag !== tag) return false
    const named = "ids" in notice ? notice.ids : "tags" in notice ? notice.tags : undefined
    return what === undefined || named?.includes(what) === true
  })

/** Of an effect that must not fail where it is run aside. */
export const isSuccess = Exit.isSuccess
