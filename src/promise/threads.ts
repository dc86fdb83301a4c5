/** A module of functions that run on threads: which there are is known once a thread is ready, and calls wait in the queue until then. */
import { Cause, Context, Effect, Result, type Scope } from "effect"
import { Places, type ThreadCounts } from "../Capacity.ts"
import type { Core } from "../internal/core.ts"
import * as Limit from "../Limit.ts"
import { InvalidPoolConfig, ThreadCrashed } from "../PoolError.ts"
import * as RequestPolicy from "../RequestPolicy.ts"
import type { Functions } from "../threads/functions.ts"
import type * as Settings from "../threads/settings.ts"
import type { Target } from "./door.ts"
import { attemptError } from "./publicError.ts"
import type { Attempt, Call, Handler } from "./task.ts"

/** What the option `threads` says, checked. */
export interface Read {
  readonly settings: Settings.Settings
  readonly source: Settings.FunctionsSource
  /** What functions say for themselves, by name. */
  readonly policies: ReadonlyMap<string, RequestPolicy.Fields>
}

/** Before it is known which names there are, so many are believed. */
const mostBelieved = 1_000

export class ModuleOnThreads {
  /** No more run at once than threads are ready. */
  readonly limit: Limit.Limit
  private readonly read: Read
  private readonly places: Places
  private readonly tags = new Set<string>()
  private readonly targets = new Map<string, FunctionTarget>()
  private readonly policies = new Map<string, RequestPolicy.Resolved>()
  private core!: Core
  private functions: Functions | undefined = undefined
  /** Why there can be no threads on this host. */
  private failure: string | undefined = undefined
  /** Its first threads may have failed before it is clear who runs what. */
  private readonly made = Promise.withResolvers<void>()
  private known: ReadonlySet<string> | undefined = undefined

  constructor(read: Read) {
    this.read = read
    this.places = new Places({
      name: read.settings.name,
      onWaiting: () => this.functions?.want(),
      threads: () => this.functions?.counts() ?? none
    })
    this.limit = Limit.ofPlaces(this.places, this.tags)
  }

  /** What functions say for themselves over what the pool says. Gives what is wrong with that. */
  check(base: RequestPolicy.Resolved): InvalidPoolConfig | undefined {
    for (const [name, fields] of this.read.policies) {
      const policy = RequestPolicy.resolve(fields, base, `threads.functions.${name}.`)
      if (Result.isFailure(policy)) return policy.failure
      this.policies.set(name, policy.success)
    }
    return undefined
  }

  /** Whether it has, or may have, a function of that name. */
  mayHave(name: string): boolean {
    return !isReserved(name) && this.names?.has(name) !== false
  }

  /** How a function is called. One that is not there is refused. */
  target(name: string): Target {
    const known = this.targets.get(name)
    if (known !== undefined) return known
    const target = new FunctionTarget(this, name)
    if (this.names?.has(name) === true) this.targets.set(name, target)
    return target
  }

  /** Why no request can be made for it. */
  refusal(name: string): InvalidPoolConfig | undefined {
    if (this.names !== undefined && !this.names.has(name)) return this.unknown(name)
    if (this.tags.has(name) || this.tags.size < mostBelieved) return undefined
    const expected = `one of ${mostBelieved} at most before its module is there`
    return new InvalidPoolConfig({ field: "function", expected, actual: JSON.stringify(name) })
  }

  /** How it is counted, from its first call on, or once it is known. */
  routeOf(name: string) {
    const known = this.tags.has(name) ? this.core.routes.get(name) : undefined
    if (known !== undefined) return known
    this.tags.add(name)
    const handler = {
      context: Context.empty(),
      run: () => Effect.die("not reached: a TaskWorker calls the function"),
      subjectOf: (call: Call) => call.subject
    }
    return this.core.addRoute(name, handler, this.policies.get(name))
  }

  /** `handlers`: names that others have. */
  load(core: Core, handlers: ReadonlySet<string>): Effect.Effect<void, never, Scope.Scope> {
    this.core = core
    const { settings, source } = this.read
    const load = Effect.gen({ self: this }, function* () {
      // Not before it is needed: it imports what only Node has. A bundle for where that is not leaves it out (`browser` of the package).
      const { make } = yield* Effect.promise(() => import("../threads/functions.ts"))
      this.functions = yield* make(settings, source, this.places)
      this.made.resolve()
      yield* this.functions.named
      const callable = new Set([...this.names!].filter((name) => !handlers.has(name)))
      for (const name of callable) this.routeOf(name)
      const hidden = this.functions.names()!.filter((name) => !callable.has(name))
      if (hidden.length > 0) {
        yield* Effect.logWarning(
          `what the module of "${settings.name}" exports as ${hidden.join(", ")} cannot be called: each needs another name`
        )
      }
      const idle = [...this.policies.keys()].filter((name) => !callable.has(name))
      if (idle.length > 0) {
        yield* Effect.logWarning(
          `what \`threads.functions\` says of ${idle.join(", ")} holds for nothing: ` +
            `the module of "${settings.name}" has no such function that can be called`
        )
      }
    })
    return Effect.catchCause(load, (cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.void
      this.failure = String(Cause.squash(cause))
      this.made.resolve()
      // They are let in to be told so.
      this.places.set(settings.max)
      return Effect.logError("there are no threads", cause)
    })
  }

  /** One attempt. */
  async call(name: string, input: unknown, attempt: Attempt): Promise<unknown> {
    if (this.functions === undefined) await this.made.promise
    const { failure: detail, functions, names } = this
    if (names?.has(name) === false) throw attemptError(this.unknown(name))
    if (detail !== undefined) throw attemptError(new ThreadCrashed({ tag: name, reason: "start", detail }))
    try {
      return await functions!.call(name, input, attempt)
    } catch (error) {
      throw attemptError(error)
    }
  }

  /** `undefined`: they are not known yet. */
  private get names(): ReadonlySet<string> | undefined {
    const names = this.known === undefined ? this.functions?.names() : undefined
    if (names !== undefined) this.known = new Set(names.filter((name) => !isReserved(name)))
    return this.known
  }

  private unknown(name: string): InvalidPoolConfig {
    const expected = `one that the module exports (${[...this.names!].join(", ")})`
    return new InvalidPoolConfig({ field: "function", expected, actual: JSON.stringify(name) })
  }
}

/** Before there is any. */
const none: ThreadCounts = {
  now: { starting: 0, idle: 0, busy: 0, dying: 0, stuck: 0 },
  total: { started: 0, killed: 0, crashed: 0 },
  startMillis: undefined
}

/** What each function has, what tasks are called, and what others call of whatever they are given: `await`, and `JSON.stringify`. */
export const isReserved = (name: string): boolean =>
  name === "then" ||
  name === "toJSON" ||
  name === "run" ||
  (name in Function.prototype && name !== "name" && name !== "length")

class FunctionTarget implements Target {
  readonly handler: Handler<unknown, unknown>
  readonly tag: string
  private readonly module: ModuleOnThreads

  constructor(module: ModuleOnThreads, tag: string) {
    this.module = module
    this.tag = tag
    this.handler = (input, attempt) => module.call(tag, input, attempt)
  }

  get refusal(): InvalidPoolConfig | undefined {
    return this.module.refusal(this.tag)
  }

  get route() {
    return this.module.routeOf(this.tag)
  }
}
