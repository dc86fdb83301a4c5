/**
 * A program with two threads, or processes, of a module: one is idle, the other one spins. `node parentProgram.ts <module> <isolation> <file>`: the one
 * that spins writes its process into the file; that of the other one is printed.
 */
import { Console, Effect } from "effect"
import { WorkerPool } from "../../../src/index.ts"
import { poolOf } from "../pool.ts"
import { CrashIdle, Spin } from "./crashGroup.ts"

const [module, isolation, started] = process.argv.slice(2) as [string, "thread" | "process", string]

await Effect.runPromise(
  Effect.gen(function* () {
    const { execute, submit } = yield* WorkerPool.WorkerPool
    yield* submit(Spin, { started })
    yield* Console.log(`idle ${yield* execute(CrashIdle, { file: `${started}.never` })}`)
    return yield* Effect.never
  }).pipe(Effect.provide(poolOf({ module, isolation })))
)
