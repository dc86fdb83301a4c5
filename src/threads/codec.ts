/**
 * How values cross to a thread and back: as their schema encodes them, in structured clones. What cloning gives back as it was crosses as
 * it is: bytes are not made text, and dates, `bigint`, `NaN`, `undefined`, maps and sets stay what they are. What it would spoil, such as an
 * `Option` or an instance of a class, and only that, crosses in the form that its schema has for JSON.
 *
 * What `Schema.Unknown` and `Schema.Any` stand for is cloned as it is: there an instance loses its class. Symbols cross as text,
 * and only those that `Symbol.for` knows; a property whose name is a symbol does not cross.
 */
import { Cause, Context, Effect, Exit, Schema, SchemaAST } from "effect"
import { Transferable } from "effect/workers"
import { isMarkedAsUntransferable } from "node:worker_threads"
import type { Transferable as Moved } from "./host.ts"
import { messageOf } from "./words.ts"

/** A value that is ready to be sent, and what is moved with it instead of being copied. */
export interface Encoded {
  readonly value: unknown
  readonly transfers: ReadonlyArray<Moved> | undefined
}

/**
 * Encodes with the services of `context`, and collects what the schema says is to be moved. An `Exit` when it took no time; a value that the
 * schema refuses is a defect, which says that of `what`.
 */
export const encoder = (
  schema: Schema.Top,
  what: string,
  context: Context.Context<never>
): ((value: unknown) => Effect.Effect<Encoded>) => {
  const encode = Schema.encodeUnknownEffect(crossing(schema)) as Convert
  const refusal = `${what} cannot be encoded`
  return (value) => {
    const encoded = attempted(encode, value, refusal)
    if (isDone(encoded)) return Exit.map(encoded, (value) => ({ value, transfers: undefined }))
    return Effect.suspend(() => {
      const collector = Transferable.makeCollectorUnsafe()
      return Effect.provideContext(encoded, Context.add(context, Transferable.Collector, collector)).pipe(
        Effect.map((value) => {
          const transfers = [...new Set(collector.readUnsafe())].filter(canMove) as unknown as ReadonlyArray<Moved>
          return { value, transfers: transfers.length > 0 ? transfers : undefined }
        })
      )
    })
  }
}

/** Decodes with the services of `context`. What the schema refuses is a defect, which says that of `what`. */
export const decoder = (
  schema: Schema.Top,
  what: string,
  context: Context.Context<never>
): ((value: unknown) => Effect.Effect<unknown>) => {
  const decode = Schema.decodeUnknownEffect(crossing(schema)) as Convert
  const refusal = `${what} cannot be decoded`
  return (value) => {
    const decoded = attempted(decode, value, refusal)
    return isDone(decoded) ? decoded : Effect.provideContext(decoded, context)
  }
}

/** Causes as JSON, with the stacks of what is in them. */
export const causes = Schema.toCodecJson(
  Schema.Cause(Schema.Defect({ includeStack: true }), Schema.Defect({ includeStack: true }))
)

/** Several of them as one: a list. What is moved with more than one of them is moved once. */
export const together = (all: ReadonlyArray<Encoded>): Encoded => {
  const transfers = [...new Set(all.flatMap(({ transfers }) => transfers ?? []))]
  return { value: all.map(({ value }) => value), transfers: transfers.length > 0 ? transfers : undefined }
}

/** Whether it took no time. */
export const isDone = <A, E>(effect: Effect.Effect<A, E>): effect is Exit.Exit<A, E> => Exit.isExit(effect)

type Convert = (value: unknown) => Effect.Effect<unknown, unknown>

/** What a schema refuses, or what is thrown in it, is a defect that says so. */
const attempted = (convert: Convert, value: unknown, refusal: string): Effect.Effect<unknown> => {
  const converted = convert(value)
  const refused = (cause: Cause.Cause<unknown>): Exit.Exit<never> =>
    Cause.hasInterruptsOnly(cause) ? Exit.failCause(cause as Cause.Cause<never>) : refuse(refusal, Cause.squash(cause))
  if (!isDone(converted)) return Effect.catchCause(converted, refused)
  return Exit.isSuccess(converted) ? Exit.succeed(converted.value) : refused(converted.cause)
}

const refuse = (refusal: string, why: unknown): Exit.Exit<never> => Exit.die(new Error(`${refusal}: ${messageOf(why)}`))

/** Memory that is shared is nobody's to move, and Node keeps some of its own: both cross as they would without. */
const canMove = (transfer: object): boolean =>
  !(transfer instanceof SharedArrayBuffer) && !isMarkedAsUntransferable(transfer)

const crossing = (schema: Schema.Top): Schema.Top => {
  const encoded = SchemaAST.toEncoded(schema.ast)
  if (isCloned(encoded, new Set())) return schema
  return Schema.make<Schema.Top>(clonedAs(encoded, new Map())).pipe(Schema.decodeTo(schema)) as Schema.Top
}

/** What the structured clone algorithm gives back as it was. */
const natives = new Set([
  "effect/schema/Uint8Array",
  "effect/schema/Date",
  "effect/schema/RegExp",
  "effect/schema/Json",
  "effect/schema/MutableJson"
])
/** The same of what is in them. */
const collections = new Set(["effect/schema/ReadonlyMap", "effect/schema/ReadonlySet"])

/** Of an encoded side: whether cloning gives all of it back as it was. */
const isCloned = (ast: SchemaAST.AST, seen: Set<SchemaAST.AST>): boolean => {
  if (seen.has(ast)) return true
  seen.add(ast)
  const cloned = (some: SchemaAST.AST) => isCloned(some, seen)
  switch (ast._tag) {
    case "Declaration": {
      const id = idOf(ast)
      if (collections.has(id)) return ast.typeParameters.every(cloned)
      // One that nothing else can be made of is left to cloning.
      return natives.has(id) || hookOf(ast) === undefined
    }
    case "Symbol":
    case "UniqueSymbol":
      return false
    case "Arrays":
      return ast.elements.every(cloned) && ast.rest.every(cloned)
    case "Objects":
      return (
        ast.propertySignatures.every(({ type }) => cloned(type)) &&
        ast.indexSignatures.every(({ type }) => cloned(type))
      )
    case "Union":
      return ast.types.every(cloned)
    case "Suspend":
      return cloned(ast.thunk())
    default:
      return true
  }
}

/** The same, where each part that cloning would spoil is encoded once more. What has been checked is not checked again. */
const clonedAs = (ast: SchemaAST.AST, done: Map<SchemaAST.AST, SchemaAST.AST>): SchemaAST.AST => {
  const found = done.get(ast)
  if (found !== undefined) return found
  const made = isCloned(ast, new Set())
    ? ast
    : withContextOf(
        ast,
        encodedOnceMore(ast, (some) => clonedAs(some, done))
      )
  done.set(ast, made)
  return made
}

const encodedOnceMore = (ast: SchemaAST.AST, again: (ast: SchemaAST.AST) => SchemaAST.AST): SchemaAST.AST => {
  switch (ast._tag) {
    case "Declaration": {
      const { to, transformation } = hookOf(ast)!(ast.typeParameters.map((parameter) => Schema.make(parameter)))!
      const bare = new SchemaAST.Declaration(ast.typeParameters, ast.run, ast.annotations)
      return SchemaAST.decodeTo(crossing(Schema.make(to)).ast, bare, transformation as never)
    }
    case "Arrays":
      return new SchemaAST.Arrays(ast.isMutable, ast.elements.map(again), ast.rest.map(again))
    case "Objects":
      return new SchemaAST.Objects(
        ast.propertySignatures.map(({ name, type }) => new SchemaAST.PropertySignature(name, again(type))),
        ast.indexSignatures.map(({ parameter, type }) => new SchemaAST.IndexSignature(parameter, again(type)))
      )
    case "Union":
      // Beside text a symbol must be looked for first, as JSON does.
      return ast.types.some(isSymbol)
        ? Schema.toCodecJson(Schema.make(new SchemaAST.Union(ast.types, ast.options))).ast
        : new SchemaAST.Union(ast.types.map(again), ast.options)
    case "Suspend":
      return new SchemaAST.Suspend(() => again(ast.thunk()))
    default:
      return Schema.toCodecJson(Schema.make(ast)).ast
  }
}

const isSymbol = ({ _tag }: SchemaAST.AST): boolean => _tag === "Symbol" || _tag === "UniqueSymbol"

const withContextOf = (ast: SchemaAST.AST, made: SchemaAST.AST): SchemaAST.AST =>
  SchemaAST.isOptional(ast) ? Schema.optionalKey(Schema.make<Schema.Top>(made)).ast : made

type Hook = (parameters: ReadonlyArray<unknown>) => SchemaAST.Link | undefined

const hookOf = ({ annotations, typeParameters }: SchemaAST.Declaration): Hook | undefined => {
  const hook = (annotations?.["toCodecJson"] ?? annotations?.["toCodec"]) as Hook | undefined
  // It may say that there is nothing to do.
  return hook?.(typeParameters.map((parameter) => Schema.make(parameter))) === undefined ? undefined : hook
}

const idOf = ({ annotations }: SchemaAST.Declaration): string =>
  String((annotations?.["representation"] as { readonly id?: unknown } | undefined)?.id)
