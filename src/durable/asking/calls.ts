/** From a call's arguments to what is stored of it, or to why nothing is. */
import { Context, Effect, Exit, Result } from "effect"
import type { Rpc, RpcGroup } from "effect/rpc"
import { type Call, type Handlers, PoolError, RequestPolicy, RetryPolicy } from "../../index.ts"
import * as checks from "../../internal/checks.ts"
import { notAText, ownKeyOf } from "../../internal/callOptions.ts"
import { IdOwner } from "../../internal/idOwner.ts"
import { type Decode, decoder, encoder, whyNotDecoded, whyNotMade } from "../../internal/payload.ts"
import { type StartTime, startTimeOf } from "../../internal/startTime.ts"
import { type Exits, of as exitsOf } from "../exits.ts"
import { idFor } from "./ids.ts"
import type { CallRecord, NewRequest, RetryRecord } from "../Store.ts"
import type { Settings } from "../settings.ts"

/** What is known of one Rpc, made once: to derive a codec again for each call costs more than to use it. */
export interface Known {
  readonly rpc: Rpc.AnyWithProps
  readonly exits: Exits
  readonly policy: RequestPolicy.Fields
  /** Reads a payload as it was stored, or came from outside. */
  readonly decode: Decode
  readonly encode: Decode
}

export class Calls {
  private readonly known = new Map<string, Known>()
  private readonly settings: Settings
  private readonly context: Context.Context<never>

  constructor(settings: Settings, handlers: Handlers.Handlers["Service"], context: Context.Context<never>) {
    this.settings = settings
    this.context = context
    for (const { context, policy, rpc } of handlers.values()) this.learn(rpc, policy, context)
  }

  /** An Rpc without a handler here, for those who only ask. */
  learn(rpc: Rpc.AnyWithProps, policy?: RequestPolicy.Fields, context = this.context): Known {
    const before = this.known.get(rpc._tag)
    if (before !== undefined && before.rpc.key === rpc.key) return before
    const known: Known = {
      rpc,
      exits: exitsOf(rpc, context),
      policy: policy ?? RequestPolicy.ofRpc(rpc),
      decode: decoder(rpc.payloadSchema, context),
      encode: encoder(rpc.payloadSchema, context)
    }
    this.known.set(rpc._tag, known)
    return known
  }

  /** Those of a group, whose annotation counts where theirs say nothing. */
  learnGroup(group: RpcGroup.RpcGroup<any>): void {
    const ofGroup = Context.get(group.annotations, RequestPolicy.RequestPolicy)
    for (const rpc of group.requests.values() as Iterable<Rpc.AnyWithProps>) {
      this.learn(rpc, RequestPolicy.ofRpc(rpc, ofGroup))
    }
  }

  get(tag: string): Known | undefined {
    return this.known.get(tag)
  }

  /** What the annotation of one of them says, and no store keeps. */
  get notKept(): PoolError.InvalidPoolConfig | undefined {
    for (const [tag, { policy }] of this.known) {
      const wrong = notStored(policy, policy.duplicate, `${tag}.`)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }

  get tags(): ReadonlyArray<string> {
    return [...this.known.keys()]
  }

  /** Of a payload as a program has it. */
  fromRpc(
    rpc: Rpc.Any,
    payload: unknown,
    options: Call.Options | undefined
  ): Effect.Effect<NewRequest, PoolError.InvalidPayload | PoolError.InvalidRequestOption> {
    const known = this.learn(rpc as unknown as Rpc.AnyWithProps)
    const { payloadSchema } = known.rpc
    let made: unknown
    try {
      made = payloadSchema.make(payload as {})
    } catch (thrown) {
      return this.unfit(rpc._tag, whyNotMade(payloadSchema, payload, thrown))
    }
    return Effect.flatMapEager(
      Effect.catchEager(known.encode(made), ({ issue }) => this.unfit(rpc._tag, whyNotDecoded(issue))),
      (json) => this.make(known, made, json, options, undefined)
    )
  }

  /** Of a payload that comes from outside, as JSON. `fingerprint`: what a repeat with the same id must be like. */
  fromJson(
    tag: string,
    json: unknown,
    options: Call.Options | undefined,
    fingerprint?: string
  ): Effect.Effect<NewRequest, PoolError.InvalidPayload | PoolError.InvalidRequestOption | PoolError.HandlerNotFound> {
    const known = this.known.get(tag)
    if (known === undefined) return Effect.fail(new PoolError.HandlerNotFound({ tag, known: [...this.known.keys()] }))
    return Effect.flatMapEager(
      Effect.catchEager(known.decode(json), ({ issue }) => this.unfit(tag, whyNotDecoded(issue))),
      (payload) => this.make(known, payload, json, options, fingerprint)
    )
  }

  private unfit(tag: string, issue: string): Effect.Effect<never, PoolError.InvalidPayload> {
    return Effect.fail(new PoolError.InvalidPayload({ tag, issue }))
  }

  private make(
    known: Known,
    payload: unknown,
    json: unknown,
    options: Call.Options = {},
    fingerprint: string | undefined
  ): Effect.Effect<NewRequest, PoolError.InvalidRequestOption> {
    const { config } = this.settings
    const tag = known.rpc._tag
    const base = Result.flatMap(RequestPolicy.resolve(known.policy, config.policy), (policy) =>
      RequestPolicy.resolve(options, policy)
    )
    if (Result.isFailure(base)) return Effect.fail(checks.ofCall(base.failure))
    const { expiresInMillis, key: ofPolicy, priority } = base.success
    const key = textOf(() =>
      typeof ofPolicy === "function" ? ofPolicy(payload) : (ofPolicy ?? config.discipline.key?.(tag, payload))
    )
    if (typeof key === "object") return Effect.fail(key)
    const unstored = notStored(options, base.success.duplicate)
    if (unstored !== undefined) return Effect.fail(checks.ofCall(unstored))
    const call = callOf(options)
    if (call instanceof PoolError.InvalidRequestOption) return Effect.fail(call)
    const start = startOf(options)
    if (start instanceof PoolError.InvalidRequestOption) return Effect.fail(start)
    const named = nameOf(options, payload)
    if (typeof named === "object") return Effect.fail(checks.ofCall(named))
    const id = named === undefined ? Effect.sync(() => crypto.randomUUID()) : idOf(tag, named)
    return Effect.zipWith(id, traceparent, (id, traceparent) => ({
      id,
      tag,
      payload: json ?? null,
      priority,
      key: key ?? "",
      delayMillis: start?._tag === "Delay" ? start.millis : 0,
      ...(start?._tag === "Date" && { startAtEpochMillis: start.epochMillis }),
      expiresInMillis: expiresInMillis === Infinity ? undefined : expiresInMillis,
      call,
      traceparent,
      resubmittedFrom: undefined,
      fingerprint
    }))
  }
}

/** What the call says of its attempts itself: what its Rpc and the pool say is known where it runs. */
const callOf = ({ retry, timeout }: Call.Options): CallRecord | PoolError.InvalidRequestOption => {
  const call: { timeoutMillis?: number | null; retry?: RetryRecord | null } = {}
  if (timeout !== undefined) call.timeoutMillis = timeout === "none" ? null : (checks.wholeMillis(timeout) ?? null)
  if (retry === undefined) return call
  if (retry === "none") return { ...call, retry: null }
  if (!RetryPolicy.isRetryPolicy(retry) || retry.delay !== undefined || typeof retry.failures === "function") {
    const expected = 'a RetryPolicy without functions, or "none": it is stored with the request'
    return checks.ofCall(
      checks.wrong("retry", expected, RetryPolicy.isRetryPolicy(retry) ? "one with functions" : retry)
    )
  }
  const { baseMillis, capMillis, defects, factor, failures, jitter, timeouts, times } = retry
  return { ...call, retry: { times, baseMillis, factor, capMillis, jitter, failures, timeouts, defects } }
}

/** A date stays one: it is the store's clock that says when it has come. */
const startOf = (options: Call.Options): StartTime | undefined | PoolError.InvalidRequestOption => {
  const start = startTimeOf(options)
  return Result.isFailure(start) ? checks.ofCall(start.failure) : start.success
}

/** What is the same has the same id, and is one request: that is all of it that a store does. */
const notStored = (
  { debounce, group }: Call.Options,
  duplicate: RequestPolicy.Duplicate = "allow",
  where = ""
): PoolError.InvalidPoolConfig | undefined => {
  const wrong = (field: string, expected: string, actual: unknown) =>
    checks.wrong(`${where}${field}`, `${expected} in a durable pool`, actual)
  if (duplicate !== "allow" && duplicate !== "join") return wrong("duplicate", 'unset, "allow" or "join"', duplicate)
  if (debounce !== undefined) return wrong("debounce", "unset", debounce)
  return group === undefined ? undefined : wrong("group", "unset", group)
}

const textOf = (ask: () => unknown): string | undefined | PoolError.InvalidRequestOption => {
  const expected = "a text, or a function of the payload that gives one"
  try {
    const text = ask()
    return text === undefined || typeof text === "string" ? text : checks.ofCall(checks.wrong("key", expected, text))
  } catch {
    return checks.ofCall(checks.wrong("key", expected, "one that has thrown"))
  }
}

/** What it is one with others by. */
const nameOf = ({ id, primaryKey }: Call.Options, payload: unknown) =>
  notAText("id", id) ?? notAText("primaryKey", primaryKey) ?? id ?? primaryKey ?? ownKeyOf(payload)

const idOf = (tag: string, named: string): Effect.Effect<string> =>
  Effect.map(IdOwner, (owner) => idFor(tag, owner === undefined ? named : `${owner}\n${named}`))

const traceparent: Effect.Effect<string | undefined> = Effect.map(Effect.exit(Effect.currentParentSpan), (span) =>
  Exit.isSuccess(span) ? `00-${span.value.traceId}-${span.value.spanId}-${span.value.sampled ? "01" : "00"}` : undefined
)
