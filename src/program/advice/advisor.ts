/** Advises those who ask, on a thread, and not too often. */
import { Clock, Deferred, Effect, Scope } from "effect"
import { Worker } from "node:worker_threads"
import type { Advisor, Answer } from "../../http/advisor.ts"
import type { WorkerPool } from "../../index.ts"
import { hear } from "../../recording/hearing.ts"
import { type AdviceSettings, defaultTarget } from "./settings.ts"
import type { Task } from "./task.ts"

const bounds = { keepMillis: 3_600_000, mostRequests: 400_000, mostBytes: 64 * 1024 ** 2 }

/** Fewer say nothing about one in a hundred. */
const leastRequests = 200

/** What was advised holds so long. */
const everyMillis = 300_000

/** Hears the pool from now on until the scope ends. */
export const make = (
  pool: WorkerPool.WorkerPool["Service"],
  settings: AdviceSettings,
  compute: (task: Task) => Effect.Effect<Answer> = onThread(module)
): Effect.Effect<Advisor | undefined, never, Scope.Scope> =>
  Effect.gen(function* () {
    const hearing = yield* hear(pool, bounds)
    if (hearing === undefined) return undefined
    const scope = yield* Scope.Scope
    let last: { readonly at: number; readonly answer: Deferred.Deferred<Answer> } | undefined
    const begin = (task: Task) =>
      Effect.gen(function* () {
        const answer = yield* Deferred.make<Answer>()
        last = { at: task.atMillis, answer }
        yield* Effect.forkIn(
          Effect.onExit(compute(task), (exit) => Deferred.done(answer, exit)),
          scope
        )
        return answer
      })
    return {
      ask: (today) =>
        Effect.gen(function* () {
          const atMillis = yield* Clock.currentTimeMillis
          const isRunning = last !== undefined && !(yield* Deferred.isDone(last.answer))
          if (last !== undefined && (isRunning || atMillis - last.at < everyMillis)) {
            return { _tag: "Asked", answer: Deferred.await(last.answer) } as const
          }
          const heard = hearing()
          const requests = Math.max(0, leastRequests - heard.requests)
          const millis = Math.max(0, settings.afterMillis - (heard.untilMillis - heard.fromMillis))
          if (requests > 0 || millis > 0) return { _tag: "TooLittle", requests, millis } as const
          const { mostWorkers, unchanging } = settings
          const targets = settings.targets ?? [defaultTarget(today.policy)]
          const answer = yield* begin({ heard, today, unchanging, targets, mostWorkers, atMillis })
          return { _tag: "Asked", answer: Deferred.await(answer) } as const
        })
    }
  })

const extension = import.meta.url.endsWith(".ts") ? "ts" : "js"
const module = new URL(`./thread.${extension}`, import.meta.url)

/** A thread of its own, that ends with its answer: it is needed a few times an hour. */
export const onThread =
  (module: URL) =>
  (task: Task): Effect.Effect<Answer> =>
    Effect.callback<Answer, unknown>((resume) => {
      const thread = new Worker(module, { workerData: task, resourceLimits: { maxOldGenerationSizeMb: 1024 } })
      thread.once("message", (answer: Answer) => resume(Effect.succeed(answer)))
      thread.once("error", (error) => resume(Effect.fail(error)))
      thread.once("exit", (code) => resume(Effect.fail(new Error(`the thread ended with ${code}`))))
      return Effect.promise(() => thread.terminate())
    }).pipe(
      Effect.catch((error) =>
        Effect.as(Effect.logError("advice could not be computed", error), {
          _tag: "None",
          why: "The advice could not be computed; the log of the service says why"
        } as const)
      )
    )
