/** The handlers of one pool, by request tag. Each pool has its own. */
import { Context, Effect, Exit, Layer } from "effect"
import { Rpc, type RpcGroup, RpcMessage, RpcSchema } from "effect/rpc"
import { Capacity, Held, type Places } from "./Capacity.ts"
import { answersOf } from "./internal/batch/answers.ts"
import { runnable } from "./internal/runnable.ts"
import { DuplicateHandler, UnsupportedRpc } from "./PoolError.ts"
import * as RequestPolicy from "./RequestPolicy.ts"

/** A handler as the pool runs it. */
export interface Handler {
  /** Its tag, its schemas and its annotations. */
  readonly rpc: Rpc.AnyWithProps
  /** What the Rpc's annotation, or else its group's, says. */
  readonly policy: RequestPolicy.Annotation
  /** The services that the handler was built with. */
  readonly context: Context.Context<never>
  /** One attempt, without its timeout. Interrupting it interrupts the handler. */
  readonly run: (payload: unknown, request: Identified) => Effect.Effect<unknown, unknown>
  /** One attempt of several requests: what comes of it is an array of an `Exit` for each. Its policy says of how many. */
  readonly batch?:
    | ((payloads: ReadonlyArray<any>, requests: ReadonlyArray<Identified>) => Effect.Effect<unknown, unknown>)
    | undefined
  /** How many attempts can run at once, where whoever runs them says so. Default: as many as there are workers. */
  readonly capacity?: Places | undefined
  /** What the pool's functions of a payload are given. Default: the payload. */
  readonly subjectOf?: ((payload: any) => unknown) | undefined
}

/** What a handler is told of its request. */
export interface Identified {
  /** The same in each of its attempts. */
  readonly id: string
  /** How many attempts it has had, this one included. */
  readonly attempts: number
}

/** The handlers of a pool, by the tag of their Rpc. */
export class Handlers extends Context.Service<Handlers, ReadonlyMap<string, Handler>>()(
  "effect-worker-pool/Handlers"
) {}

/** Some group of Rpcs, of which it is not known which they are. @internal */
export type Group = RpcGroup.RpcGroup<any>

/** By its shape: a module that is loaded may bring its own copy of `effect`. It may throw when it is looked at. @internal */
export const isGroup = (u: unknown): u is Group =>
  ((typeof u === "object" && u !== null) || typeof u === "function") &&
  "toLayer" in u &&
  "requests" in u &&
  u.requests instanceof Map

/**
 * Collects the handlers of some groups. What `group.toLayer(...)` provides goes in below; a group whose handlers are
 * missing does not compile. Fails with `DuplicateHandler` when two groups define a tag, and with `UnsupportedRpc` for an
 * Rpc with a stream, with middleware or, where nobody checked the types, without a handler.
 *
 * A handler returns an effect, which a timeout interrupts. A promise cannot be interrupted: `Effect.promise` aborts the
 * signal that it hands out and lets go. One that ignores its signal would go on beside what the worker does next, so make
 * its handler `Effect.uninterruptible`, or wrap it in `Rpc.uninterruptible`: it keeps its worker until it has settled.
 */
export const layer = <const Groups extends ReadonlyArray<RpcGroup.Any>>(
  ...groups: Groups
): Layer.Layer<Handlers, DuplicateHandler | UnsupportedRpc, Rpc.ToHandler<RpcGroup.Rpcs<Groups[number]>>> =>
  Layer.effect(Handlers, collect(groups as ReadonlyArray<any>)) as any

/**
 * A handler of several requests at once: one attempt of one worker for all of them. It goes where a handler does, and the Rpc says
 * how many at most, and how long the first waits for others: `.annotate(RequestPolicy.RequestPolicy, { batch: { size: 100, within: "5 millis" } })`.
 *
 * It answers with an `Exit` for each payload, in their order. Where it fails as a whole it has failed for each, and where it answers with
 * anything else each ends with a defect. Each request has an end of its own, and is tried again by itself.
 */
export const batched = <R extends Rpc.Any, Env = never>(
  rpc: R,
  run: Batched<R, Env>
): ((
  payload: Rpc.Payload<R>,
  options?: { readonly requestId: unknown }
) => Effect.Effect<Rpc.Success<R>, Rpc.Error<R>, Env>) => {
  const one = (payload: Rpc.Payload<R>, options?: { readonly requestId: unknown }) =>
    alone(rpc._tag, run, payload, { id: String(options?.requestId ?? ""), attempts: 1 })
  return Object.assign(one, { [batchedBy]: run }) as never
}

/** What `batched` makes a handler of: the payloads are never none, and no more than the `size` of the batch. */
export type Batched<R extends Rpc.Any, Env> = (
  payloads: ReadonlyArray<Rpc.Payload<R>>,
  /** Which they are, in the order of the payloads. */
  requests: ReadonlyArray<Identified>
) => Effect.Effect<ReadonlyArray<Exit.Exit<Rpc.Success<R>, Rpc.Error<R>>>, Rpc.Error<R>, Env>

/** By its name: a module that is loaded may bring its own copy of this one. */
const batchedBy = Symbol.for("effect-worker-pool/Handlers/batched")

type AnyBatched = (payloads: ReadonlyArray<any>, requests: ReadonlyArray<Identified>) => unknown

const batchOf = (handler: object): AnyBatched | undefined =>
  (handler as { readonly [batchedBy]?: AnyBatched })[batchedBy]

/** A batch of one. */
const alone = (tag: string, run: AnyBatched, payload: unknown, request: Identified): Effect.Effect<unknown, unknown> =>
  Effect.flatMap(runnable(tag, run([payload], [identified(request)])), (answer) => {
    const answers = answersOf(answer, 1, tag)
    return Exit.isExit(answers) ? answers : (answers[0] as Exit.Exit<unknown, unknown>)
  })

/** Not the request itself: what a handler has of it is a fact. */
const identified = ({ attempts, id }: Identified): Identified => ({ id, attempts })

const collect = Effect.fnUntraced(function* (groups: ReadonlyArray<RpcGroup.RpcGroup<Rpc.AnyWithProps>>) {
  const context = yield* Effect.context<never>()
  const handlers = new Map<string, Handler>()
  for (const group of groups) {
    const ofGroup = Context.get(group.annotations, RequestPolicy.RequestPolicy)
    for (const rpc of group.requests.values()) {
      const reason = whyUnsupported(rpc)
      if (reason !== undefined) return yield* new UnsupportedRpc({ tag: rpc._tag, reason })
      if (handlers.has(rpc._tag)) return yield* new DuplicateHandler({ tag: rpc._tag })
      const entry = context.mapUnsafe.get(rpc.key) as Rpc.Handler<string> | undefined
      // Where types are checked this does not compile.
      if (typeof entry?.handler !== "function") {
        return yield* new UnsupportedRpc({ tag: rpc._tag, reason: "it has no handler" })
      }
      const batch = batchOf(entry.handler)
      const policy = RequestPolicy.ofRpc(rpc, ofGroup)
      const misfit = whyNoBatch(policy, batch)
      if (misfit !== undefined) return yield* new UnsupportedRpc({ tag: rpc._tag, reason: misfit })
      const capacity = Context.get(entry.context, Capacity)
      handlers.set(rpc._tag, {
        rpc,
        policy,
        context: capacity === undefined ? entry.context : Context.add(entry.context, Held, capacity),
        capacity,
        run:
          batch === undefined
            ? runner(rpc, entry.handler)
            : (payload, request) => alone(rpc._tag, batch, payload, request),
        batch: batch && ((payloads, requests) => runnable(rpc._tag, batch(payloads, requests.map(identified))))
      })
    }
  }
  return handlers
})

const whyNoBatch = ({ batch }: RequestPolicy.Annotation, isBatched: unknown): string | undefined =>
  batch !== undefined && isBatched === undefined
    ? "its policy has a `batch`, but its handler is not one of `Handlers.batched`"
    : batch === undefined && isBatched !== undefined
      ? "its handler is one of `Handlers.batched`, but its policy has no `batch`: how many at once, and within what time"
      : undefined

const whyUnsupported = (rpc: Rpc.AnyWithProps): string | undefined =>
  RpcSchema.isStreamSchema(rpc.successSchema)
    ? "its result is a stream; a request ends with one outcome"
    : rpc.middlewares.size > 0
      ? "it has middleware, which only an Rpc server runs"
      : undefined

type HandlerOptions = Parameters<Rpc.Handler<string>["handler"]>[1]

/** What a handler sees of its call: our request id, one client that is always the same, and no headers. */
class CallOptions implements HandlerOptions {
  static readonly client = new Rpc.ServerClient(0)
  static readonly headers = {} as HandlerOptions["headers"]
  readonly rpc: Rpc.Any
  private readonly request: Identified

  constructor(rpc: Rpc.Any, request: Identified) {
    this.rpc = rpc
    this.request = request
  }

  get client() {
    return CallOptions.client
  }

  get headers() {
    return CallOptions.headers
  }

  get requestId() {
    return RpcMessage.RequestId(this.request.id)
  }
}

const runner =
  (rpc: Rpc.AnyWithProps, handler: Rpc.Handler<string>["handler"]): Handler["run"] =>
  (payload, request) =>
    runnable(rpc._tag, handler(payload, new CallOptions(rpc, request)))
