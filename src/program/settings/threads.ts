/** What the flags and settings of threads ask for, together. */
import { Result } from "effect"
import { BadUsage } from "../errors.ts"
import type { Values } from "./table.ts"

/** Where handlers run, if they run on threads. */
export interface Threads {
  /** The most that run attempts at once. */
  readonly max: number
  readonly isolation: "thread" | "process"
  /** In bytes. */
  readonly memory: number | undefined
}

type Name = "threads" | "isolate" | "threadMemory"

/** `undefined`: they run on the thread of the pool. `labels` is how an error names each. */
export const threadsOf = (
  { isolate, threadMemory, threads }: Pick<Values, Name>,
  labels: Readonly<Record<Name, string>>
): Result.Result<Threads | undefined, BadUsage> => {
  if (threads !== undefined && threads !== "none") {
    return Result.succeed({ max: threads, isolation: isolate ?? "thread", memory: threadMemory })
  }
  // It is said on top of a file that has the others.
  if (threads === "none") return Result.succeed(undefined)
  const given = isolate !== undefined ? labels.isolate : threadMemory !== undefined ? labels.threadMemory : undefined
  if (given === undefined) return Result.succeed(undefined)
  return Result.fail(new BadUsage({ reason: `Expected ${given} to come with ${labels.threads}, which it is about` }))
}
