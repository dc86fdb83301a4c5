/** Values of every kind, and ends of every kind: what the tests of what crosses to a thread ask. */
import { Context, Effect, Option, Schema, SchemaGetter, SchemaTransformation } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

export class Point extends Schema.Class<Point>("Point")({ x: Schema.Number, at: Schema.Date }) {
  get double(): number {
    return this.x * 2
  }
}

export interface Tree {
  readonly name: Option.Option<string>
  readonly kids: ReadonlyArray<Tree>
}
export const Tree = Schema.Struct({
  name: Schema.Option(Schema.String),
  kids: Schema.Array(Schema.suspend((): Schema.Codec<Tree, any> => Tree as never))
})

export class TooFar extends Schema.TaggedError<TooFar>()("TooFar", { by: Schema.BigInt, at: Point }) {}
export class Closed extends Schema.TaggedError<Closed>()("Closed", { at: Schema.Date }) {}

/** What a schema asks of its context; another one on each side. */
export class Factor extends Context.Service<Factor, number>()("test/Factor") {}

/** Crosses multiplied: both sides have their `Factor`, and the encoding takes its time. */
export const Scaled = Schema.Number.pipe(
  Schema.decode({
    decode: SchemaGetter.transformEffect((n: number) => Effect.map(Factor, (factor) => n / factor)),
    encode: SchemaGetter.transformEffect((n: number) =>
      Effect.delay(
        Effect.map(Factor, (factor) => n * factor),
        1
      )
    )
  })
)

/** Throws, instead of refusing, on the side where it is told to. */
export const Throws = Schema.String.pipe(
  Schema.decode({
    decode: SchemaGetter.transform((text: string) => {
      if (text === "decode") throw new Error("thrown in decode")
      return text
    }),
    encode: SchemaGetter.transform((text: string) => {
      if (text === "encode") throw new Error("thrown in encode")
      return text
    })
  })
)

/** Each is sent there and back. */
export const echoed = {
  Struct: Schema.Struct({ a: Schema.Number, b: Schema.String, c: Schema.Boolean, d: Schema.Null }),
  Numbers: Schema.Array(Schema.Number),
  BigInt: Schema.BigInt,
  Date: Schema.Date,
  Undefined: Schema.Struct({ here: Schema.Undefined, or: Schema.UndefinedOr(Schema.String) }),
  Bytes: Schema.Uint8Array,
  Option: Schema.Option(Schema.Date),
  OptionBesideBytes: Schema.Struct({ option: Schema.Option(Schema.BigInt), bytes: Schema.Uint8Array }),
  Map: Schema.ReadonlyMap(Schema.String, Schema.Date),
  MapOfOptions: Schema.ReadonlyMap(Schema.String, Schema.Option(Schema.Number)),
  Set: Schema.ReadonlySet(Schema.BigInt),
  HashMap: Schema.HashMap(Schema.String, Schema.Uint8Array),
  Chunk: Schema.Chunk(Schema.Number),
  Class: Point,
  ClassItself: Schema.toType(Point),
  OptionalKeys: Schema.Struct({
    plain: Schema.optionalKey(Schema.String),
    option: Schema.optionalKey(Schema.Option(Schema.Number)),
    either: Schema.optional(Schema.Option(Schema.Number))
  }),
  Union: Schema.Union([Schema.Option(Schema.Number), Schema.Uint8Array, Schema.String, Point]),
  Tree,
  Record: Schema.Record(Schema.String, Schema.Option(Schema.Date)),
  Duration: Schema.Duration,
  DateTime: Schema.DateTimeUtc,
  URL: Schema.URL,
  RegExp: Schema.RegExp,
  Symbol: Schema.Union([Schema.String, Schema.Symbol]),
  Void: Schema.Void,
  Unknown: Schema.Unknown,
  Any: Schema.Any
} as const

const echoes = Object.entries(echoed).map(([tag, schema]) =>
  Rpc.make(tag, { payload: schema as Schema.Top, success: schema as Schema.Top })
) as unknown as ReadonlyArray<Rpc.Rpc<keyof typeof echoed, Schema.Unknown, Schema.Unknown>>

export const Doubled = Rpc.make("Doubled", { payload: { point: Point }, success: Schema.Number })
export const Multiplied = Rpc.make("Multiplied", { payload: { n: Scaled }, success: Scaled })
/** What ends as `how` says. */
export const Ends = Rpc.make("Ends", {
  payload: { how: Schema.Literals(["fail", "fail and die", "die", "interrupt", "finalizer"]) },
  success: Schema.Void,
  error: Schema.Union([TooFar, Closed])
})
export const WithStack = Rpc.make("WithStack", { success: Schema.Void, defect: Schema.Defect({ includeStack: true }) })
/** `where`: what throws. */
export const Throwing = Rpc.make("Throwing", {
  payload: { text: Throws },
  success: Throws,
  error: Throws
})
/** Sends what it is told to, whatever its schema says. */
export const Answers = Rpc.make("Answers", { payload: Schema.String, success: Schema.Number, error: Schema.Number })
/** Any value, of which a clone cannot always be made. */
export const Uncloneable = Rpc.make("Uncloneable", { payload: { value: Schema.Unknown }, success: Schema.Unknown })
/** Whose result is never encoded to the end. */
const Slow = Schema.Number.pipe(
  Schema.decode({
    decode: SchemaGetter.passthrough(),
    encode: SchemaGetter.transformEffect(() => Effect.never as Effect.Effect<number>)
  })
)
export const NeverEncoded = Rpc.make("NeverEncoded", { success: Slow })
/** Its encoded side refuses fractions, which its type has; and the thread's refuses more. */
export const Narrow = Rpc.make("Narrow", {
  payload: { n: Schema.Int.pipe(Schema.decodeTo(Schema.Number, SchemaTransformation.passthrough())) },
  success: Schema.Number
})

/** As if what has started it could not be received. */
export const Unreadable = Rpc.make("Unreadable")

export const group = RpcGroup.make(
  ...(echoes as ReadonlyArray<never>),
  Doubled,
  Multiplied,
  Ends,
  WithStack,
  Throwing,
  Answers,
  Uncloneable,
  NeverEncoded,
  Unreadable,
  Narrow
)
export const echo = (tag: keyof typeof echoed): any => echoes.find(({ _tag }) => _tag === tag)
