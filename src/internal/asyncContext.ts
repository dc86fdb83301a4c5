/**
 * Node's async context: what an `AsyncLocalStorage` finds. It is learnt of as Effect learns of it, so that the library runs
 * where there is none.
 *
 * A fiber goes on in the context in which it has suspended, whoever resumes it. So a worker, which runs one caller's
 * request after another's, has to be taken from one context into the next.
 */
import { Effect, Fiber } from "effect"

/** A context that was captured. It can be entered any number of times. */
export interface AsyncContext {
  runInAsyncScope<This, Args extends Array<any>, A>(f: (this: This, ...args: Args) => A, self?: This, ...args: Args): A
  emitDestroy(): unknown
}

type Symbols = Record<symbol, unknown>

interface HostStorage<A> extends Storage<A> {
  run<Args extends Array<any>, B>(value: A, f: (...args: Args) => B, ...args: Args): B
  enterWith(value: A): void
  disable(): void
}

interface AsyncHooks {
  readonly AsyncResource: new (type: string) => AsyncContext & Symbols
  readonly AsyncLocalStorage: new () => HostStorage<any>
}

/** A value that whatever is started with it finds, however it goes on. */
export interface Storage<A> {
  getStore(): A | undefined
}

const hooks: AsyncHooks | undefined = (() => {
  try {
    return (globalThis as any).process?.getBuiltinModule?.("node:async_hooks")
  } catch {
    return undefined
  }
})()

const capture = () => new hooks!.AsyncResource("effect-worker-pool")

/** What a capture has of its own, beside what it has captured. */
const own = new Set(["async_id_symbol", "trigger_async_id_symbol", "context_frame", "destroyed"])
const foreign = (captured: Symbols): ReadonlyArray<symbol> =>
  Object.getOwnPropertySymbols(captured).filter((key) => !own.has(key.description ?? ""))
/** The values of all stores that it holds in properties, of its own or of an object that holds them all. */
const stores = (captured: Symbols): ReadonlyArray<unknown> =>
  foreign(captured).flatMap((key) => {
    const store = captured[key]
    if (key.description !== "kAsyncLocalStorageContext" || store === undefined) return [store]
    return Object.getOwnPropertySymbols(store).map((key) => (store as Symbols)[key])
  })

/**
 * Where a capture holds all stores as one value, which two of the same context share: Node from 24 on. Before, it has a
 * property for each store. Other runtimes show neither: there nothing is known to be empty, and no two are the same.
 */
const kind = ((): { readonly frame: symbol } | "properties" | "hidden" | "none" => {
  if (hooks?.AsyncResource === undefined) return "none"
  const storage = new hooks.AsyncLocalStorage()
  // In a scope, since a storage leaves a trace of itself where it was entered.
  const captured = capture().runInAsyncScope(() => storage.run(true, capture))
  storage.disable()
  const frame = Object.getOwnPropertySymbols(captured).find(({ description }) => description === "context_frame")
  if (frame !== undefined && captured[frame] !== undefined) return { frame }
  return stores(captured).length > 0 ? "properties" : "hidden"
})()
const frame = typeof kind === "object" ? kind.frame : undefined

/** The context of the code that runs; `undefined`: no storage has anything in it. It takes 21 ns (W1, W1p). */
export const captureAsyncContext = (): AsyncContext | undefined => {
  if (kind === "none") return undefined
  const captured = capture()
  return isEmpty(captured) ? undefined : captured
}

const isEmpty = (captured: Symbols): boolean => {
  if (frame === undefined) return kind === "properties" && stores(captured).every((store) => store === undefined)
  const all = captured[frame]
  // A storage that was left, or that has ended, is still in it, with nothing.
  return all === undefined || (all instanceof Map && [...all.values()].every((store) => store === undefined))
}

export const isSameAsyncContext = (one: AsyncContext | undefined, other: AsyncContext | undefined): boolean =>
  one === other ||
  (frame !== undefined &&
    one !== undefined &&
    other !== undefined &&
    (one as Symbols & AsyncContext)[frame] === (other as Symbols & AsyncContext)[frame])

const emptyContext = ((): AsyncContext | undefined => {
  if (kind === "none") return undefined
  const captured = capture()
  if (frame !== undefined) captured[frame] = undefined
  else for (const key of foreign(captured)) captured[key] = undefined
  return captured
})()

/** That of a fiber which is suspended, in which it will go on: what Effect has captured for it costs nothing more to read. */
export const asyncContextOf = (fiber: Fiber.Fiber<unknown, unknown>): AsyncContext | undefined => {
  const { _asyncContext: captured } = fiber as unknown as {
    readonly _asyncContext: (AsyncContext & Symbols) | undefined
  }
  return captured === undefined || isEmpty(captured) ? undefined : captured
}

/** The same as `inAsyncContext`, for a function of two arguments, without a closure (W1p). */
export const callInAsyncContext = <A, B, C>(context: AsyncContext | undefined, f: (a: A, b: B) => C, a: A, b: B): C => {
  const entered = entryOf(context)
  return entered === undefined
    ? f(a, b)
    : entered.runInAsyncScope(f as (this: undefined, a: A, b: B) => C, undefined, a, b)
}

/** Without frames, what is entered is written into what was captured: then each entry needs one of its own. */
const entryOf = (context: AsyncContext | undefined): AsyncContext | undefined => {
  const entered = context ?? emptyContext
  return entered === undefined || frame !== undefined ? entered : entered.runInAsyncScope(capture)
}

/** Calls `f` in that context. Whatever `f` enters ends with it. */
export const inAsyncContext = <A>(context: AsyncContext | undefined, f: () => A): A => {
  const entered = entryOf(context)
  return entered === undefined ? f() : entered.runInAsyncScope(f)
}

/** Where there is no async context, the value is found until the code first waits. */
export const makeStorage = <A>(): Storage<A> =>
  hooks?.AsyncLocalStorage === undefined ? new Present<A>() : new hooks.AsyncLocalStorage()

class Present<A> implements Storage<A> {
  value: A | undefined = undefined

  getStore(): A | undefined {
    return this.value
  }

  run<B, C, D>(value: A, f: (b: B, c: C) => D, b: B, c: C): D {
    const before = this.value
    this.value = value
    try {
      return f(b, c)
    } finally {
      this.value = before
    }
  }
}

/**
 * Calls `f` in that context, where the storage has that value. Where all stores are one value, `run` makes two of them, one to come back to:
 * a context that is left takes along what was entered, and saves a quarter of an attempt (W1a by promises).
 */
export const callWith = <A, B, C, D>(
  context: AsyncContext | undefined,
  storage: Storage<A>,
  value: A,
  f: (b: B, c: C) => D,
  b: B,
  c: C
): D => {
  if (frame !== undefined) return (context ?? emptyContext!).runInAsyncScope(enter<A, B, C, D>, storage, value, f, b, c)
  const stored = storage as HostStorage<A>
  return context === undefined ? stored.run(value, f, b, c) : inAsyncContext(context, () => stored.run(value, f, b, c))
}

function enter<A, B, C, D>(this: Storage<A>, value: A, f: (b: B, c: C) => D, b: B, c: C): D {
  ;(this as HostStorage<A>).enterWith(value)
  return f(b, c)
}

const soon = Promise.resolve()

/** A fiber that is suspended goes on in this context. */
const moveTo = (fiber: Fiber.Fiber<unknown, unknown>, context: AsyncContext | undefined): void => {
  const suspended = fiber as unknown as { _asyncContext: AsyncContext | undefined }
  if (suspended._asyncContext === undefined) return
  suspended._asyncContext.emitDestroy()
  // One of its own, since the fiber releases it when it goes on.
  suspended._asyncContext = inAsyncContext(context, capture)
}

/** Runs an effect in that context. The fiber suspends for one microtask, since it can only be moved while it is suspended. */
export const moveIntoAsyncContext = <A, E, R>(
  context: AsyncContext | undefined,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.callback<A, E, R>((resume) => {
    const fiber = Fiber.getCurrent()!
    let isWanted = true
    void soon.then(() => {
      if (!isWanted) return
      moveTo(fiber, context)
      resume(effect)
    })
    return Effect.sync(() => {
      isWanted = false
    })
  })

/** Runs an effect in nobody's context, for what is done for everybody. */
export const outOfAsyncContext = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => (captureAsyncContext() === undefined ? effect : moveIntoAsyncContext(undefined, effect)))

/** A fiber that is about to suspend for long lets go of its context, unless it goes on before `isSuspended` is asked. */
export const leaveAsyncContext = (fiber: Fiber.Fiber<unknown, unknown>, isSuspended: () => boolean): void => {
  if (captureAsyncContext() === undefined) return
  void soon.then(() => {
    if (isSuspended()) moveTo(fiber, undefined)
  })
}
