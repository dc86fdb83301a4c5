/** The routes of the pool: its counts and its levers. */
import { Effect, Fiber } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { PoolError } from "../index.ts"
import { Api } from "./api.ts"
import { clientOf } from "./client.ts"
import { exampleOf } from "./example.ts"
import { waitSeconds } from "./headers.ts"
import { limitsOf } from "./limits.ts"
import { invalid, type Problem, toResponse } from "./problem.ts"
import { recurringOf } from "./recurring.ts"
import { refusalOf } from "./refusals.ts"
import type { Service } from "./service.ts"
import { viewOf } from "./stored/view.ts"
import type { PoolPatch } from "./shapes.ts"

const countsOfRequests = [
  "offered",
  "blocked",
  "abandoned",
  "refusedFull",
  "refusedDraining",
  "refusedOpen",
  "refusedDuplicate",
  "joined",
  "accepted",
  "waiting",
  "heldBack",
  "delayed",
  "scheduled",
  "running",
  "batched",
  "succeeded",
  "failed",
  "timedOut",
  "expired",
  "evicted",
  "shed",
  "cancelled",
  "interrupted",
  "defects",
  "attempts",
  "retries",
  "retriesDenied"
] as const

/** Each worker is a fiber, made at once: one request must not be able to use up the memory. */
const mostWorkers = 10_000

export const layer = (service: Service) =>
  HttpApiBuilder.group(Api, "pool", (handlers) => {
    const { options, pool } = service
    const types = [...service.handlers].map(([type, { rpc }]) => ({ type, example: exampleOf(rpc.payloadSchema) }))
    const show = (status: number) =>
      Effect.map(look(service, types), (body) => HttpServerResponse.jsonUnsafe(body, { status }))

    return handlers
      .handle("getPool", () => show(200))
      .handle("patchPool", ({ payload, request }) =>
        Effect.gen(function* () {
          const before = yield* levers(service)
          const problem = yield* Effect.flip(patch(service, payload)).pipe(Effect.option)
          // What was changed before something was refused has been changed all the same.
          const changes = changesOf(before, yield* levers(service))
          if (changes !== "") yield* Effect.logInfo(`PATCH /pool by ${clientOf(request)}: ${changes}`)
          return problem._tag === "Some" ? toResponse(problem.value) : yield* show(200)
        })
      )
      .handle("drainPool", ({ headers, payload, request }) =>
        Effect.gen(function* () {
          const deadline = payload?.deadline
          const millis = deadline === undefined ? undefined : options.millisOf(deadline)
          if (deadline !== undefined && !(millis !== undefined && millis >= 0)) {
            const got = JSON.stringify(deadline.slice(0, 40))
            return toResponse(invalid("deadline", `Expected \`deadline\` to be a duration such as 10s, got ${got}`))
          }
          const waiting = payload?.waiting ?? "finish"
          const what = waiting === "finish" ? "" : ", without what waits"
          yield* Effect.logInfo(
            `POST /pool/drain by ${clientOf(request)}: within ${deadline ?? "the drain deadline"}${what}`
          )
          // To stop waiting for a drain does not stop it.
          const drain = yield* Effect.forkChild(Effect.orDie(pool.drain({ deadline: millis, waiting })), {
            startImmediately: true
          })
          const seconds = waitSeconds(headers.prefer, options.maxWaitMillis / 1000)
          if (seconds === undefined) return yield* show(202)
          const report = yield* Effect.timeoutOption(Fiber.join(drain), seconds * 1000)
          const applied = { "preference-applied": `wait=${seconds}` }
          return report._tag === "Some"
            ? HttpServerResponse.jsonUnsafe(report.value, { headers: applied })
            : HttpServerResponse.setHeaders(yield* show(202), applied)
        })
      )
  })

const look = ({ advisor, options, pauses, policy, pool, scaler, stored }: Service, types: ReadonlyArray<unknown>) =>
  Effect.gen(function* () {
    const snapshot = yield* pool.snapshot
    const recurring = yield* recurringOf(pool)
    const { capacity, ending, idle, maxWorkers, minWorkers, lent, retiring, running, stuck, target, workers } = snapshot
    return {
      name: pool.name,
      state: snapshot.state,
      paused: yield* pauses.isAll,
      policy,
      held: (yield* scaler.held) ?? null,
      explain: yield* scaler.explain,
      bounds: { minWorkers, maxWorkers },
      capacity: capacity === Infinity ? "unbounded" : capacity,
      workers: { total: workers, idle, running, ending, stuck, lent, target, retiring },
      requests: Object.fromEntries(countsOfRequests.map((name) => [name, snapshot[name]])),
      ...(snapshot.overloaded !== undefined && { overloaded: snapshot.overloaded }),
      keys: snapshot.keys,
      limits: limitsOf(snapshot),
      ...(advisor !== undefined && { advice: true }),
      ...(recurring.length > 0 && { recurring }),
      // To count those of a store is to read them.
      deadLetters: stored === undefined ? (yield* pool.deadLetters.list).length : null,
      ...(stored && { store: yield* viewOf(stored) }),
      types,
      version: options.version
    }
  })

/** What a `PATCH` changes. */
const levers = ({ pauses, policy, pool, scaler }: Service) =>
  Effect.map(Effect.all([pool.snapshot, scaler.held, pauses.isAll]), ([{ maxWorkers, minWorkers }, hold, paused]) => ({
    minWorkers,
    maxWorkers,
    policy,
    hold: hold ?? null,
    paused
  }))

type Levers = Effect.Success<ReturnType<typeof levers>>

const changesOf = (before: Levers, after: Levers): string =>
  Object.entries(after)
    .map(([name, value]) => ({ name, was: before[name as keyof Levers], value }))
    .filter(({ value, was }) => value !== was)
    .map(({ name, value, was }) => `${name} ${was} -> ${value}`)
    .join(", ")

/** Everything is checked before anything is changed, but for what two clients change at once. */
const patch = (service: Service, wanted: typeof PoolPatch.Type): Effect.Effect<void, Problem> =>
  Effect.gen(function* () {
    const { options, pool, scaler } = service
    const { hold, maxWorkers, minWorkers, paused, policy } = wanted
    const snapshot = yield* pool.snapshot
    const least = minWorkers ?? snapshot.minWorkers
    const most = maxWorkers ?? snapshot.maxWorkers
    for (const [field, workers] of Object.entries({ minWorkers, maxWorkers })) {
      if (workers !== undefined && workers > mostWorkers) {
        return yield* Effect.fail(invalid(field, `Expected \`${field}\` to be at most ${mostWorkers}, got ${workers}`))
      }
    }
    const parsed =
      policy === undefined
        ? undefined
        : yield* Effect.mapError(
            options.parsePolicy(policy, { minWorkers: least, maxWorkers: most }),
            // It names the flags of the program: here these are members.
            ({ message }) =>
              invalid(
                "policy",
                message.replaceAll(/--([a-z-]+)/g, (_, flag) => `\`${camelCase(flag)}\``)
              )
          )
    if (minWorkers !== undefined || maxWorkers !== undefined) {
      if (hold !== undefined && hold !== null && (hold < least || hold > most)) {
        return yield* Effect.fail(
          outOfBounds(new PoolError.OutOfBounds({ workers: hold, minWorkers: least, maxWorkers: most }))
        )
      }
      yield* Effect.mapError(pool.setBounds({ minWorkers, maxWorkers }), ({ field, message }) =>
        invalid(field, message)
      )
    }
    if (hold === null) yield* scaler.release
    else if (hold !== undefined) yield* Effect.mapError(scaler.hold(hold), outOfBounds)
    if (parsed !== undefined) {
      yield* Effect.mapError(scaler.setPolicy(parsed), ({ message }) => invalid("policy", message))
      service.policy = policy!
    }
    if (paused !== undefined) {
      yield* Effect.mapError(service.pauses.set("all", paused), (error) => refusalOf(error, service.retryAfter))
    }
  })

const camelCase = (flag: string): string => flag.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())

const outOfBounds = ({ message }: PoolError.OutOfBounds): Problem => invalid("hold", message)
