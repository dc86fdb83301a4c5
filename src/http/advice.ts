/** Which settings would have kept the targets of late: the route, and what it asks. */
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import type { TooLittle } from "./advisor.ts"
import { Api } from "./api.ts"
import { waitSeconds } from "./headers.ts"
import { notFound, type Problem, toResponse } from "./problem.ts"
import type { Service } from "./service.ts"

export const layer = (service: Service) =>
  HttpApiBuilder.group(Api, "advice", (handlers) =>
    handlers.handle("getAdvice", ({ headers }) =>
      Effect.gen(function* () {
        const { advisor, options, policy, pool } = service
        if (advisor === undefined) return toResponse(off)
        const { maxWorkers, minWorkers } = yield* pool.snapshot
        const asked = yield* advisor.ask({ policy, minWorkers, maxWorkers })
        if (asked._tag === "TooLittle") return toResponse(tooLittle(asked))
        const seconds = waitSeconds(headers.prefer, options.maxWaitMillis / 1000)
        const answer = yield* Effect.timeoutOption(asked.answer, (seconds ?? 0) * 1000)
        const applied = seconds === undefined ? {} : { "preference-applied": `wait=${seconds}` }
        if (answer._tag === "None") {
          return HttpServerResponse.jsonUnsafe({ state: "computing" }, { status: 202, headers: applied })
        }
        if (answer.value._tag === "None") return toResponse(none(answer.value.why))
        return HttpServerResponse.jsonUnsafe({ state: "ready", ...answer.value.advice }, { headers: applied })
      })
    )
  )

const off: Problem = {
  ...notFound("The service was not asked to advise: start it with --advice"),
  kind: "advice-off"
}

const tooLittle = ({ millis, requests }: TooLittle): Problem => {
  const seconds = Math.ceil(millis / 1000)
  const needed = [
    ...(requests > 0 ? [`${requests} more requests`] : []),
    ...(seconds > 0 ? [`${seconds} more seconds`] : [])
  ]
  return {
    status: 409,
    kind: "too-little-load",
    title: "Conflict",
    detail: `Too little load is known yet: ${needed.join(" and ")} are needed`,
    headers: { "retry-after": String(Math.max(1, seconds)) },
    members: { requests, millis: Math.ceil(millis) }
  }
}

const none = (why: string): Problem => ({ status: 409, kind: "no-advice", title: "Conflict", detail: why })
