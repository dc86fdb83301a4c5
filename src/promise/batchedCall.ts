/** The call of a function that takes several inputs at once: what becomes of each by the answers of one attempt. */
import { Exit } from "effect"
import type { PoolRequest } from "../internal/request.ts"
import type { TaskAttempt, TaskCall } from "../internal/task.ts"
import { type BatchAttempt, Call } from "./task.ts"

type Batched = (inputs: Array<unknown>, attempt: BatchAttempt) => unknown

/** One that succeeds holds the value of a call, one that fails what that alone fails with. */
type Answer = Exit.Exit<unknown, unknown>

export class BatchedCall extends Call {
  /** Nobody has come along. */
  override start(attempt: TaskAttempt): unknown {
    const given = this.ask([this], attempt, attemptOf(attempt, [attempt]))
    return Array.isArray(given) ? valueOf(given[0]!) : (given as Promise<Array<Answer>>).then(([one]) => valueOf(one!))
  }

  together(requests: ReadonlyArray<PoolRequest>): Pick<TaskCall, "start" | "onFailure"> {
    const calls = requests.map(({ payload }) => payload as BatchedCall)
    const told = requests.map(({ attempts: attempt, id }) => ({ attempt, id }))
    return {
      start: (attempt) => this.ask(calls, attempt, attemptOf(attempt, told)),
      onFailure: (error) => {
        for (const call of calls) call.onFailure(error)
      }
    }
  }

  private ask(
    calls: ReadonlyArray<BatchedCall>,
    attempt: TaskAttempt,
    told: BatchAttempt
  ): Array<Answer> | Promise<Array<Answer>> {
    const given = (this.task as unknown as Batched)(
      calls.map(({ subject }) => subject),
      told
    )
    return isThenable(given) ? later(given, calls, attempt) : answersOf(given, calls, attempt)
  }
}

/** It is waited for here: a promise of the pool's own then knows in whose attempt that is. */
const later = async (
  given: PromiseLike<unknown>,
  calls: ReadonlyArray<BatchedCall>,
  attempt: TaskAttempt
): Promise<Array<Answer>> => answersOf(await given, calls, attempt)

const answersOf = (
  given: unknown,
  calls: ReadonlyArray<BatchedCall>,
  attempt: TaskAttempt
): Array<Answer> | Promise<Array<Answer>> => {
  const inputs = calls.length
  if (!Array.isArray(given)) throw wrong(`what is no array to ${inputs} inputs`)
  const answers = Array.from(given as ReadonlyArray<unknown>)
  if (answers.length !== inputs) throw wrong(`${answers.length} answers to ${inputs} inputs`)
  const told = (exits: Array<Answer>): Array<Answer> => {
    // What comes of an interruption is no failure of its own.
    if (attempt.interruption !== undefined) return exits
    for (const [at, exit] of exits.entries()) if (exit._tag === "Failure") calls[at]!.onFailure(errorOf(exit))
    return exits
  }
  if (!answers.some(isThenable)) return told(answers.map(exitOf))
  // The attempt lasts until the last of them has settled.
  return Promise.allSettled(answers).then((settled) =>
    told(settled.map((one) => (one.status === "fulfilled" ? exitOf(one.value) : Exit.fail(one.reason))))
  )
}

const wrong = (came: string): TypeError =>
  new TypeError(`A batched function answered with ${came}: it answers with one for each, in their order`)

const exitOf = (answer: unknown): Answer => (answer instanceof Error ? Exit.fail(answer) : Exit.succeed(answer))

const errorOf = ({ cause }: Exit.Failure<unknown, unknown>): unknown => {
  const [reason] = cause.reasons
  return reason?._tag === "Fail" ? reason.error : undefined
}

const valueOf = (exit: Answer): unknown => {
  if (exit._tag === "Success") return exit.value
  throw errorOf(exit)
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === "object" && value !== null) || typeof value === "function") &&
  "then" in value &&
  typeof value.then === "function"

const attemptOf = (
  attempt: Pick<TaskAttempt, "signal">,
  requests: ReadonlyArray<{ readonly attempt: number; readonly id: string }>
): BatchAttempt => ({
  ids: requests.map(({ id }) => id),
  attempts: requests.map(({ attempt }) => attempt),
  get signal() {
    return attempt.signal
  }
})
