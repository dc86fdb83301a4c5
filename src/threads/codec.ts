/**
 * How values cross to a thread and back: as their schema encodes them. A plain structure is cloned as it is; where the schema has
 * anything that cloning would spoil, it crosses as JSON.
 */
import { Context, Effect, Exit, Schema, type SchemaAST } from "effect"
import { Transferable } from "effect/workers"
import type { Transferable as Moved } from "./host.ts"

/** An encoder or a decoder: an `Exit` when it took no time. */
export type Convert = (value: unknown) => Effect.Effect<unknown, Schema.SchemaError>

export const encoder = (schema: Schema.Top): Convert => Schema.encodeUnknownEffect(crossing(schema)) as Convert

export const decoder = (schema: Schema.Top): Convert => Schema.decodeUnknownEffect(crossing(schema)) as Convert

/** A value that is ready to be sent, and what is moved with it instead of being copied. */
export interface Encoded {
  readonly value: unknown
  readonly transfers: ReadonlyArray<Moved> | undefined
}

/** Encodes with the services of `context`, and collects what the schema says is to be moved. */
export const encodeFor = (
  encode: Convert,
  context: Context.Context<never>
): ((value: unknown) => Effect.Effect<Encoded, Schema.SchemaError>) => {
  return (value) => {
    const encoded = encode(value)
    if (Exit.isExit(encoded)) {
      return Exit.map(encoded as Exit.Exit<unknown, Schema.SchemaError>, (value) => ({ value, transfers: undefined }))
    }
    return Effect.suspend(() => {
      const collector = Transferable.makeCollectorUnsafe()
      return Effect.provideContext(encoded, Context.add(context, Transferable.Collector, collector)).pipe(
        Effect.map((value) => {
          const transfers = [...new Set(collector.readUnsafe())] as unknown as ReadonlyArray<Moved>
          return { value, transfers: transfers.length > 0 ? transfers : undefined }
        })
      )
    })
  }
}

const crossing = (schema: Schema.Top): Schema.Top =>
  isPlain(Schema.toEncoded(schema).ast, new Set()) ? schema : Schema.toCodecJson(schema)

/** What the structured clone algorithm gives back as it was. */
const natives = new Set([
  "effect/schema/Uint8Array",
  "effect/schema/Date",
  "effect/schema/RegExp",
  "effect/schema/Json"
])

const isPlain = (ast: SchemaAST.AST, seen: Set<SchemaAST.AST>): boolean => {
  if (seen.has(ast)) return true
  seen.add(ast)
  const plain = (some: SchemaAST.AST) => isPlain(some, seen)
  switch (ast._tag) {
    case "Declaration": {
      const { representation, toCodec, toCodecJson } = ast.annotations ?? {}
      const id = (representation as { readonly id?: unknown } | undefined)?.id
      // One that nothing else can be made of is left to cloning.
      return natives.has(String(id)) || (toCodec === undefined && toCodecJson === undefined)
    }
    case "Symbol":
    case "UniqueSymbol":
      return false
    case "Arrays":
      return ast.elements.every(plain) && ast.rest.every(plain)
    case "Objects":
      return (
        ast.propertySignatures.every(({ type }) => plain(type)) && ast.indexSignatures.every(({ type }) => plain(type))
      )
    case "Union":
      return ast.types.every(plain)
    case "Suspend":
      return plain(ast.thunk())
    default:
      return true
  }
}
