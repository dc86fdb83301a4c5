/** Loads the module that `--handlers` names: a `group` of Rpcs, the `layer` of their handlers, and what recurs. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Context, Effect, Layer, type Scope } from "effect"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { setFlagsFromString } from "node:v8"
import { Handlers, type Scaler, type WorkerPool } from "../index.ts"
import * as OnThreads from "../threads/Threads.ts"
import { BadUsage, messageOf } from "./errors.ts"
import type { Threads } from "./settings/threads.ts"

const expected =
  "Expected --handlers to name a module that exports `group` (an RpcGroup) and `layer` (`group.toLayer({...})`)"

/** What the module gives: its group, and the handlers of it that a pool takes. */
export interface Loaded {
  readonly group: Group
  readonly handlers: Handlers.Handlers["Service"]
  /** Of calls that recur on its pool, built in the scope; nothing where the module exports none. */
  readonly recur: (pool: Context.Context<Services>) => Effect.Effect<void, BadUsage, Scope.Scope>
}

type Services = WorkerPool.WorkerPool | Scaler.Scaler | Handlers.Handlers

export interface Options {
  /** Then the module is asked for its group alone, and its layer is built on each thread. */
  readonly threads?: Threads | undefined
  /** Hears what is printed there. */
  readonly print?: (text: string) => void
  /** Whether anything is run here. If not, the module is asked for its group alone. Default true. */
  readonly works?: boolean | undefined
}

/** The handlers, built in the scope. `NodeServices` is there for a layer that needs a file system or the like. */
export const load = (
  path: string,
  { print, threads, works = true }: Options = {}
): Effect.Effect<Loaded, BadUsage, Scope.Scope> =>
  Effect.gen(function* () {
    const file = resolve(path)
    const exports: Record<string, unknown> = yield* Effect.tryPromise({
      try: () => import(pathToFileURL(file).href),
      catch: (error) => new BadUsage({ reason: `${expected}; importing ${file} failed: ${messageOf(error)}` })
    })
    const { group } = exports
    if (!isShape(Handlers.isGroup, group)) return yield* unfit(file, "group", "an RpcGroup", exports)
    const { recurring = Layer.empty } = exports
    if (!isShape(Layer.isLayer, recurring)) return yield* unfit(file, "recurring", "a Layer", exports)
    const layer = !works
      ? nowhere(group)
      : threads === undefined
        ? exports["layer"]
        : onThreads(group, file, threads, print)
    if (!isShape(Layer.isLayer, layer)) return yield* unfit(file, "layer", "a Layer", exports)
    const built = yield* build(`The handlers of ${file}`, layer)
    const lacking = [...group.requests.values()].filter(({ key }) => !isHandler(built.mapUnsafe.get(key)))
    if (lacking.length > 0) {
      const tags = lacking.map(({ _tag }) => `"${_tag}"`).join(", ")
      return yield* new BadUsage({ reason: `${expected}; the layer of ${file} has no handler for ${tags}` })
    }
    const handlers = yield* Layer.build(Handlers.layer(group)).pipe(
      Effect.provideContext(built as Context.Context<any>),
      Effect.mapError((error) => new BadUsage({ reason: `The handlers of ${file}: ${error.message}` }))
    )
    const recur = (pool: Context.Context<Services>) =>
      build(`What recurs in ${file}`, Layer.provide(recurring, Layer.succeedContext(pool)))
    return { group, handlers: Context.get(handlers, Handlers.Handlers), recur }
  })

const build = (what: string, layer: Layer.Any): Effect.Effect<Context.Context<unknown>, BadUsage, Scope.Scope> =>
  Layer.build(Layer.provideMerge(layer as Layer.Layer<unknown, unknown>, NodeServices.layer)).pipe(
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : new BadUsage({ reason: `${what} could not be built: ${messageOf(Cause.squash(cause))}` })
    )
  )

/** Where requests are only taken, for others to run. */
const nowhere = (group: Group) => {
  const none = () => Effect.die(new Error("This process has no workers"))
  return group.toLayer(Object.fromEntries([...group.requests.keys()].map((tag) => [tag, none])))
}

const onThreads = (group: Group, file: string, { isolation, max, memory }: Threads, print?: (text: string) => void) => {
  if (isolation === "thread") letLoopsEnd()
  return OnThreads.layer(group, {
    module: file,
    program: { print },
    isolation,
    max,
    memoryLimit: memory === undefined ? undefined : memory / 1024 ** 2
  })
}

/** V8 leaves out of some of the loops that it unrolls what lets them be ended. It holds for the whole process, which is ours; a name that V8 does not know changes nothing. */
const letLoopsEnd = (): void => setFlagsFromString("--no-turboshaft-loop-unrolling")

export type Group = Handlers.Group

/** In a module without types a handler may be missing, or be no function. */
const isHandler = (entry: unknown): boolean =>
  typeof entry === "object" && entry !== null && "handler" in entry && typeof entry.handler === "function"

/** What throws when it is looked at is no such thing. */
const isShape = <A>(is: (u: unknown) => u is A, u: unknown): u is A => {
  try {
    return is(u)
  } catch {
    return false
  }
}

const unfit = (file: string, name: string, what: string, exports: Record<string, unknown>) => {
  const names = Object.keys(exports).join(", ") || "nothing"
  const got = name in exports ? `a \`${name}\` that is not ${what}` : `no \`${name}\``
  return new BadUsage({ reason: `${expected}; ${file} has ${got} (it exports ${names})` })
}
