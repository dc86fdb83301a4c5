/** The routes that tell and change who runs next: gates, keys, limits, and pauses of a part. */
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import type { Limit, PoolError, Selection } from "../index.ts"
import { Api } from "./api.ts"
import { clientOf } from "./client.ts"
import { limitsOf } from "./limits.ts"
import { invalid, notFound, type Problem, toResponse } from "./problem.ts"
import { refusalOf } from "./refusals.ts"
import type { Service } from "./service.ts"
import type { LimitPatch, PartQuery } from "./shapes.ts"

const most = 1000

export const layer = (service: Service) =>
  HttpApiBuilder.group(Api, "turns", (handlers) => {
    const { options, pauses, pool } = service

    const counts = (what: "key" | "tag", name: "keys" | "tags", top = 20) =>
      Effect.gen(function* () {
        const refused = outOfRange("top", top)
        if (refused !== undefined) return toResponse(refused)
        return HttpServerResponse.jsonUnsafe({ [name]: yield* pool.waitingBy(what, { top }) })
      })

    const setPaused = (query: Part, paused: boolean, client: string) =>
      Effect.gen(function* () {
        const part = partOf(query)
        if ("status" in part) return toResponse(part)
        const refused = yield* Effect.flip(pauses.set(part, paused)).pipe(Effect.option)
        if (refused._tag === "Some") return toResponse(refusalOf(refused.value, service.retryAfter))
        yield* Effect.logInfo(`POST /pool/${paused ? "pause" : "resume"} by ${client}: ${JSON.stringify(part)}`)
        return HttpServerResponse.empty({ status: 204 })
      })

    return handlers
      .handle("listGates", ({ query: { limit = 100 } }) =>
        Effect.gen(function* () {
          const refused = outOfRange("limit", limit)
          if (refused !== undefined) return toResponse(refused)
          const gates = yield* pool.gates({ limit })
          return HttpServerResponse.jsonUnsafe({
            gates: gates.map(({ opensInMillis, ...gate }) => ({
              ...gate,
              opensInMillis: opensInMillis === undefined ? null : Math.ceil(opensInMillis)
            }))
          })
        })
      )
      .handle("listKeys", ({ query }) => counts("key", "keys", query.top))
      .handle("listTags", ({ query }) => counts("tag", "tags", query.top))
      .handle("pausePart", ({ query, request }) => setPaused(query, true, clientOf(request)))
      .handle("resumePart", ({ query, request }) => setPaused(query, false, clientOf(request)))
      .handle("patchLimit", ({ params: { name }, payload, request }) =>
        Effect.gen(function* () {
          const before = limitsOf(yield* pool.snapshot)
          if (!Object.hasOwn(before, name)) return toResponse(noLimit(name, Object.keys(before)))
          const change = changeOf(payload, options.millisOf)
          if ("status" in change) return toResponse(change)
          const refused = yield* Effect.flip(pool.setLimit(name, change)).pipe(Effect.option)
          if (refused._tag === "Some") return toResponse(refusedChange(name, refused.value))
          const changed = JSON.stringify(payload)
          yield* Effect.logInfo(`PATCH /pool/limits/${name} by ${clientOf(request)}: ${changed}`)
          return HttpServerResponse.jsonUnsafe(limitsOf(yield* pool.snapshot)[name])
        })
      )
  })

type Part = { readonly [K in keyof typeof PartQuery]?: string }

const partOf = ({ key, limit, tag }: Part): Selection.Pausable | Problem => {
  const given = Object.entries({ tag, key, limit }).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (given.length !== 1) {
    const got = given.join(" and ") || "none"
    const detail = `Expected the query to have exactly one of tag, key and limit, got ${got}`
    return invalid("query", detail)
  }
  return tag !== undefined ? { tag } : key !== undefined ? { key } : { limit: limit! }
}

/** The period may be a text; all else is the pool's to check. */
const changeOf = (
  { concurrency, rate }: typeof LimitPatch.Type,
  millisOf: (text: string) => number | undefined
): Limit.Change | Problem => {
  if (rate === undefined || rate === "none") return { concurrency, rate }
  const { period } = rate
  const millis = typeof period === "number" ? period : millisOf(period)
  if (millis === undefined) {
    const got = JSON.stringify(String(period).slice(0, 40))
    return invalid("rate.period", `Expected \`rate.period\` to be a duration above zero such as 1s, got ${got}`)
  }
  return { concurrency, rate: { ...rate, period: millis } }
}

const outOfRange = (field: string, count: number): Problem | undefined =>
  Number.isInteger(count) && count >= 1 && count <= most
    ? undefined
    : invalid(field, `Expected \`${field}\` to be a whole number from 1 to ${most}, got ${count}`)

/** The pool names the limit in the field; here the path does. */
const refusedChange = (name: string, { actual, expected, field }: PoolError.InvalidPoolConfig): Problem => {
  if (field === "limit") return notOfPool(name)
  const whole = `limits.${name}`
  const member = field === whole ? "body" : field.slice(whole.length + 1)
  return invalid(member, `Expected \`${member}\` to be ${expected}, got ${actual}`)
}

const notOfPool = (name: string): Problem => ({
  status: 409,
  kind: "limit-not-of-pool",
  title: "Conflict",
  detail: `${JSON.stringify(name)} is no limit of the pool: whoever runs the handlers says how many run at once`
})

const noLimit = (name: string, known: ReadonlyArray<string>): Problem =>
  notFound(`No limit is called "${name.slice(0, 100)}"; there are ${known.join(", ") || "none"}`)
