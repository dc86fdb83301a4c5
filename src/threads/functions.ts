/** The functions of a module on threads, as a pool of promises calls them. */
import { Effect, type Scope } from "effect"
import { type Capacity, NotBefore, PoolError } from "../index.ts"
import { cancel } from "./handler.ts"
import type { Transferable } from "./host.ts"
import { makeFleet, until } from "./makeFleet.ts"
import { From, To } from "./messages.ts"
import { movesOf } from "./move.ts"
import { isGone } from "./moved.ts"
import { countsOf } from "./seen.ts"
import type { FunctionsSource, Settings } from "./settings.ts"
import { type Source, starter } from "./start.ts"
import { Task, type TaskEnd } from "./task.ts"
import { fromThrown, type Thrown } from "./thrown.ts"

/** What a function is told of its attempt. */
interface Attempt {
  readonly attempt: number
  readonly id: string
  readonly signal: AbortSignal
}

export interface Functions {
  /** How many threads there are. */
  readonly counts: () => Capacity.ThreadCounts
  /** Requests have begun to wait for a thread. */
  readonly want: () => void
  /** All that the module exports as functions; `undefined`: no thread has said so yet. */
  readonly names: () => ReadonlyArray<string> | undefined
  /** Once the names are known. */
  readonly named: Effect.Effect<void>
  /** One attempt. It settles once that has really ended: after an abort, when its thread has answered or is gone. */
  readonly call: (name: string, input: unknown, attempt: Attempt) => Promise<unknown>
}

/** On threads that last as long as the scope. `places` are those of the pool. */
export const make = Effect.fnUntraced(function* (
  settings: Settings,
  source: FunctionsSource,
  places: Capacity.Places
): Effect.fn.Return<Functions, never, Scope.Scope> {
  const fleet = yield* makeFleet(settings, starter(source as Source, "functions", settings), places, false)
  const context = yield* Effect.context<never>()
  const interrupt = (task: Task) => void Effect.runForkWith(context)(cancel(fleet, task, settings))
  return {
    counts: () => countsOf(fleet.stats),
    want: fleet.want,
    names: () => fleet.names,
    named: until(fleet, () => fleet.names !== undefined),
    call: (name, input, attempt) =>
      new Promise((resolve, reject) => {
        // Its thread is gone between the gate and here. It is no attempt: it waits for the next one.
        if (fleet.mustWait) return reject(NotBefore.of(1, { at: settings.name, countsAsAttempt: false }))
        const { id, signal } = attempt
        const moves = movesOf(input) as ReadonlyArray<Transferable> | undefined
        if (moves?.some(isGone) === true) {
          return reject(new TypeError("its input has been moved to a thread before: it serves one attempt"))
        }
        const onAbort = () => {
          task.why = signal.reason
          interrupt(task)
        }
        const task = new Task([To.run, name, input, id, attempt.attempt, undefined], moves, true, (end) => {
          signal.removeEventListener("abort", onAbort)
          settle(name, end, resolve, reject)
        })
        // What it throws where the input cannot be sent is what the promise is rejected with.
        fleet.submit(task)
        if (task.hasEnded) return
        if (signal.aborted) onAbort()
        else signal.addEventListener("abort", onAbort)
      })
  }
})

const settle = (
  tag: string,
  end: TaskEnd,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void
): void => {
  if ("unsent" in end) return reject(end.unsent)
  if ("reason" in end) return reject(new PoolError.ThreadCrashed({ tag, ...end }))
  const [kind, told] = end
  if (kind === From.value) resolve(told)
  else reject(fromThrown(told as Thrown))
}
