/** Random steps of several processes: the answers are those of a store of a few lines, and the law holds after each. */
import { describe, expect } from "@effect/vitest"
import { Effect } from "effect"
import { lawViolations } from "../../../src/durable/service.ts"
import type { Claim, NewRequest, Session } from "../../../src/durable/Store.ts"
import { type Random, randomOf } from "../../support/random.ts"
import { cancelledOf, giveBack, memberOf, newTag, requestOf, settle, type Suite } from "./fixture.ts"

/** What is to be known of each request. */
interface Expected {
  readonly request: NewRequest
  state: "waiting" | "claimed" | "ended"
  deliveries: number
  claim: Claim | undefined
}

export const random = ({ clock, test }: Suite) => {
  describe("random steps", () => {
    for (const seed of clock === "test" ? Array.from({ length: 50 }, (_, at) => at + 1) : [1, 2]) {
      test(`are answered as they should be, from seed ${seed}`, (store) =>
        Effect.gen(function* () {
          const random = randomOf(seed)
          const tag = newTag()
          const sessions = yield* Effect.all([1, 2, 3].map(() => store.join(memberOf([tag]))))
          const all: Array<Expected> = []
          const claims: Array<Claim> = []
          for (let step = 0; step < (clock === "test" ? 150 : 80); step++) {
            yield* oneStep(random, random.of(sessions), tag, all, claims)
            const counts = yield* random.of(sessions).counts
            expect(lawViolations(counts)).toEqual([])
            const of = (state: Expected["state"]) => all.filter((each) => each.state === state).length
            expect(counts.tags[tag] ?? { waiting: 0, delayed: 0, claimed: 0 }).toEqual({
              waiting: of("waiting"),
              delayed: 0,
              claimed: of("claimed")
            })
          }
          for (const { deliveries, request, state } of all) {
            expect(yield* sessions[0]!.find(request.id)).toMatchObject({ state, deliveries })
          }
        }))
    }
  })
}

/** `claims`: all that ever were, those included that have ended. */
const oneStep = Effect.fnUntraced(function* (
  random: Random,
  session: Session,
  tag: string,
  all: Array<Expected>,
  claims: Array<Claim>
) {
  const some = <A>(from: ReadonlyArray<A>) => {
    return from.length === 0 ? [] : [...new Set(Array.from({ length: 1 + random.below(3) }, () => random.of(from)))]
  }
  const expectedOf = (id: string) => all.find(({ request }) => request.id === id)!
  const good = (chosen: ReadonlyArray<Claim>) => chosen.filter((claim) => expectedOf(claim.request.id).claim === claim)
  const roll = random.below(10)
  if (roll < 3 || all.length === 0) {
    const fresh = Array.from({ length: random.below(4) }, () => requestOf(tag, { priority: random.of([0, 0, 5]) }))
    const known = some(all).map(({ request }) => request)
    const answers = [...known.map(() => "known"), ...fresh.map(() => "stored")]
    expect(yield* session.insert([...known, ...fresh])).toEqual(answers)
    all.push(...fresh.map((request) => ({ request, state: "waiting" as const, deliveries: 0, claim: undefined })))
  } else if (roll < 6) {
    const most = random.below(4)
    const taken = yield* session.claim([tag], most)
    expect(taken.length).toBe(Math.min(most, all.filter(({ state }) => state === "waiting").length))
    for (const claim of taken) {
      const expected = expectedOf(claim.request.id)
      expect([expected.state, claim.deliveries]).toEqual(["waiting", expected.deliveries + 1])
      Object.assign(expected, { state: "claimed", claim, deliveries: claim.deliveries })
    }
    claims.push(...taken)
  } else if (roll < 7) {
    const chosen = some(claims)
    const own = good(chosen)
    expect(yield* settle(session, chosen, random.of(["succeeded", "failed"] as const))).toEqual(idsIn(own))
    for (const { request } of own) Object.assign(expectedOf(request.id), { state: "ended", claim: undefined })
  } else if (roll < 8) {
    // Of one request an old claim and a good one may be asked for in one statement: see the test of fences.
    const chosen = [...new Map(some(claims).map((claim) => [claim.request.id, claim])).values()]
    const own = good(chosen)
    const counts = random.below(2) === 0
    expect(yield* giveBack(session, chosen, { counts })).toEqual(idsIn(own))
    for (const { request } of own) {
      const expected = expectedOf(request.id)
      Object.assign(expected, {
        state: "waiting",
        claim: undefined,
        deliveries: expected.deliveries - (counts ? 0 : 1)
      })
    }
  } else if (roll < 9) {
    const chosen = some(all)
    const open = chosen.filter(({ state }) => state !== "ended")
    expect(yield* session.revoke(chosen.map(({ request }) => cancelledOf(request)))).toEqual(
      new Map(open.map(({ request, state }) => [request.id, state]))
    )
    for (const expected of open) Object.assign(expected, { state: "ended", claim: undefined })
  } else {
    const chosen = some(claims)
    expect(yield* session.touch(chosen)).toEqual(idsIn(good(chosen)))
  }
})

const idsIn = (claims: ReadonlyArray<Claim>) => new Set(claims.map(({ request }) => request.id))
