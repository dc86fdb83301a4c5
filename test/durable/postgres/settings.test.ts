/** A server that is set up otherwise than most. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { make } from "../../../src/durable/postgres/store.ts"
import { endOf, memberOf, newTag, requestOf } from "../store/fixture.ts"
import { serverOf } from "./server.ts"

const server = serverOf("settings")

it.live("a server that writes points in time in a way of its own is understood", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const ways = "-c datestyle=German -c timezone=Asia/Kathmandu -c default_transaction_isolation=serializable"
      const url = new URL(server.url())
      url.searchParams.set("options", ways)
      const store = yield* make({ url: url.href.replaceAll("+", "%20"), kind: "postgres", schema: server.schema })
      const tag = newTag()
      const session = yield* store.join(memberOf([tag]))
      const [first, second] = [requestOf(tag, { expiresInMillis: 60_000 }), requestOf(tag)]
      yield* session.insert([first, second])
      const claims = yield* session.claim([tag], 2)
      expect(claims.map(({ request }) => request.id)).toEqual([first.id, second.id])
      expect(claims[0]!.storedForMillis).toBeLessThan(30_000)
      expect(claims[0]!.leftMillis).toBeGreaterThan(30_000)
      yield* session.settle(claims.map((claim) => ({ claim, record: endOf(claim) })))
      const { storedAt } = (yield* session.find(first.id))!
      expect(Math.abs(storedAt - Date.now())).toBeLessThan(60_000)
      expect((yield* session.list({ tag, limit: 10 })).map(({ request }) => request.id)).toEqual([second.id, first.id])
    })
  )
)
