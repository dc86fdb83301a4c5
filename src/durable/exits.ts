/**
 * How the end of a request is written down: its `Exit`, as its Rpc's schemas encode it, with the pool's own errors beside the handler's.
 * In another process a class comes back as that class.
 */
import { Cause, type Context, Effect, Exit, Schema } from "effect"
import type { Rpc } from "effect/rpc"
import { Outcome, OutcomeJson, PoolError } from "../index.ts"
import { type EndRecord, mostText, type NewRequest } from "./Store.ts"

/** The two ways of one Rpc's exits. Either is an `Exit` when it took no time. */
export interface Exits {
  /** What cannot be encoded becomes a defect that says so. */
  readonly encode: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<string>
  /** What cannot be decoded is a defect that says so: a process of another version may have written it. */
  readonly decode: (text: string) => Effect.Effect<Exit.Exit<any, any>>
}

/** With the services that the Rpc's schemas ask for. */
export const of = (rpc: Rpc.AnyWithProps, context: Context.Context<never>): Exits => {
  // The pool's own come first: they are classes, and take no other's place. A process of another version may not read a payload.
  const error = Schema.Union([PoolError.EndError, PoolError.InvalidPayload, rpc.errorSchema])
  const codec = Schema.toCodecJson(Schema.Exit(rpc.successSchema, error, rpc.defectSchema))
  const toJson = Schema.encodeUnknownEffect(codec) as Convert
  const fromJson = Schema.decodeUnknownEffect(codec) as Convert
  // A schema may let through what JSON refuses, such as a bigint, a circle, or a getter that throws.
  const encode: Convert = (exit) => Effect.mapEager(toJson(exit), (json) => JSON.stringify(json))
  const decode: Convert = (text) => fromJson(JSON.parse(text as string))
  const refused = (what: string) => (cause: Cause.Cause<unknown>) =>
    Cause.die(new Error(`The end of "${rpc._tag}" cannot be ${what}: ${OutcomeJson.messageOf(Cause.squash(cause))}`))
  const cannotBeWritten = refused("written down")
  const tooLong = ({ length }: string) =>
    cannotBeWritten(Cause.die(new Error(`it has ${length} characters, and at most ${mostText} are stored`)))
  const cannotBeRead = refused("read")
  return {
    encode: (exit) =>
      Effect.matchCauseEager(converted(encode, exit, context), {
        onSuccess: (text) =>
          (text as string).length > mostText ? defectText(tooLong(text as string)) : (text as string),
        onFailure: (cause) => defectText(cannotBeWritten(cause))
      }),
    decode: (text) =>
      Effect.matchCauseEager(converted(decode, text, context), {
        onSuccess: (exit) => exit as Exit.Exit<unknown, unknown>,
        onFailure: (cause) => Exit.failCause(cannotBeRead(cause))
      })
  }
}

type Convert = (value: unknown) => Effect.Effect<unknown, unknown>

const converted = (convert: Convert, value: unknown, context: Context.Context<never>) => {
  try {
    const effect = convert(value)
    // To merge two contexts costs more than most values take.
    return Exit.isExit(effect) ? effect : Effect.provideContext(effect, context)
  } catch (thrown) {
    return Exit.die(thrown)
  }
}

const ownCodec = Schema.toCodecJson(Schema.Exit(Schema.Void, PoolError.EndError, Schema.Defect()))
const encodeOwn = Schema.encodeUnknownSync(ownCodec)

/** The text of an end by the pool's own error. */
export const failureText = (error: PoolError.EndError): string => JSON.stringify(encodeOwn(Exit.fail(error)))

const defectText = (cause: Cause.Cause<never>): string => JSON.stringify(encodeOwn(Exit.failCause(cause)))

/** The end of a request that no attempt ends: it is cancelled, expired, or was delivered too often. */
export const ended = (
  { id, resubmittedFrom, tag }: Pick<NewRequest, "id" | "tag" | "resubmittedFrom">,
  end: Outcome.End,
  error: PoolError.EndError,
  so: { readonly deliveries: number; readonly waitedMillis: number }
): EndRecord => ({
  id,
  tag,
  end,
  exit: failureText(error),
  attempts: 0,
  deliveries: so.deliveries,
  waitedMillis: so.waitedMillis,
  ranMillis: 0,
  resubmittedFrom
})

/** Of one that as many processes as may be have had. */
export const exhausted = (request: NewRequest, deliveries: number, waitedMillis: number): EndRecord =>
  ended(request, "failed", new PoolError.DeliveriesExhausted({ tag: request.tag, deliveries }), {
    deliveries,
    waitedMillis
  })

/** Of one whose time is over. */
export const expired = (
  request: NewRequest,
  phase: "waiting" | "delayed" | "running",
  deliveries: number,
  waitedMillis: number
): EndRecord =>
  ended(request, "expired", new PoolError.RequestExpired({ tag: request.tag, phase }), { deliveries, waitedMillis })
