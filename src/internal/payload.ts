/** What is wrong with a payload: what was expected, what came, and where; by text of a bounded length, without secrets. */
import { Cause, type Context, Effect, Exit, Schema, SchemaIssue } from "effect"

const longestLine = 300
const mostLines = 20

/** How a payload is read from JSON. An `Exit` when it took no time. */
export type Decode = (json: unknown) => Effect.Effect<unknown, Schema.SchemaError>

/** Made once an Rpc: to derive the codec again for each payload costs more than to decode it. */
export const decoder = (schema: Schema.Top, context: Context.Context<never>): Decode =>
  providing(Schema.decodeUnknownEffect(Schema.toCodecJson(schema), { reportInput: !holdsSecrets(schema) }), context)

/** The other way. */
export const encoder = (schema: Schema.Top, context: Context.Context<never>): Decode =>
  providing(Schema.encodeUnknownEffect(Schema.toCodecJson(schema)), context)

const providing = (
  convert: (value: unknown) => Effect.Effect<unknown, Schema.SchemaError, any>,
  context: Context.Context<never>
): Decode => {
  return (value) => {
    const converted = convert(value) as Effect.Effect<unknown, Schema.SchemaError>
    // To merge two contexts costs more than most payloads take.
    return Exit.isExit(converted) ? converted : Effect.provideContext(converted, context)
  }
}

/** Why `schema.make(payload)` has thrown this. */
export const whyNotMade = (schema: Schema.Top, payload: unknown, thrown: unknown): string =>
  guarded(() => {
    const issue = issueIn(thrown)
    if (issue === undefined) return holdsSecrets(schema) ? "could not be read" : whatWasThrown(thrown)
    // The payload is in the issue only when that is asked for; it may answer differently now.
    const again = holdsSecrets(schema) ? undefined : issueOfMaking(schema, payload)
    return show(again ?? issue)
  })

/** Why decoding has failed with this issue. */
export const whyNotDecoded = (issue: SchemaIssue.Issue): string => guarded(() => show(issue))

/** Whether what was given may be told: not where any part of it is to be kept secret. */
export const holdsSecrets = (schema: Schema.Top): boolean => {
  const seen = new Set<unknown>()
  const search = (node: unknown): boolean => {
    if (typeof node !== "object" || node === null || seen.has(node)) return false
    seen.add(node)
    const { annotations, thunk } = node as { readonly annotations?: any; readonly thunk?: unknown }
    if (annotations?.representation?.id === "effect/schema/Redacted") return true
    if (typeof thunk === "function" && search(thunk())) return true
    return Object.entries(node).some(([field, value]) => field !== "annotations" && search(value))
  }
  return search(schema.ast)
}

const issueIn = (thrown: unknown): SchemaIssue.Issue | undefined =>
  thrown instanceof Error && SchemaIssue.isIssue(thrown.cause) ? thrown.cause : undefined

const issueOfMaking = (schema: Schema.Top, payload: unknown): SchemaIssue.Issue | undefined => {
  try {
    schema.make(payload as {}, { parseOptions: { reportInput: true } })
    return undefined
  } catch (thrown) {
    return issueIn(thrown)
  }
}

const format = SchemaIssue.makeFormatterDefault()

const show = (issue: SchemaIssue.Issue): string => bounded(format(issue))

const whatWasThrown = (thrown: unknown): string => {
  // An Effect that dies within a schema comes as the cause of an error that says only that.
  const error = thrown instanceof Error && Cause.isCause(thrown.cause) ? Cause.squash(thrown.cause) : thrown
  return bounded(`could not be read: ${error instanceof Error ? `${error.name}: ${error.message}` : typeof error}`)
}

/** Both ends of a line tell something: what was expected, and what came. */
const bounded = (text: string): string => {
  const lines = text.split("\n")
  const shown = lines.slice(0, mostLines).map((line) => {
    const left = line.length - longestLine
    return left <= 0 ? line : `${line.slice(0, 200)} ... (${left} more) ... ${line.slice(-100)}`
  })
  return lines.length > mostLines
    ? [...shown, `and ${lines.length - mostLines} more lines`].join("\n")
    : shown.join("\n")
}

/** To tell of a payload is to touch it again, and it may throw. */
const guarded = (tell: () => string): string => {
  try {
    return tell()
  } catch {
    return "does not fit its schema, and cannot be shown"
  }
}
