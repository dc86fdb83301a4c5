/**
 * What a function on a thread throws, and why it is to end, as they cross. To be cloned an error would lose its name, its own properties and, to another process,
 * more: it crosses as plain values, and is made again.
 */

/** An error, or anything else that was thrown. */
export type Thrown = { readonly value: unknown } | ThrownError

interface ThrownError {
  readonly name: string
  /** It is a `DOMException`, as what signals are aborted with of themselves is. */
  readonly isOfDom: boolean
  readonly message: string
  readonly stack: string | undefined
  readonly cause: Thrown | undefined
  readonly errors: ReadonlyArray<Thrown> | undefined
  readonly own: Readonly<Record<string, unknown>>
  /** What it says of when to come back. */
  readonly retryAfter: unknown
}

const retryAfter = Symbol.for("effect-worker-pool/RetryAfter")
const deepest = 8
const shown = new Set(["name", "message", "stack", "cause", "errors"])

/** `withOwn: false`: without what cannot be cloned perhaps. What throws when it is looked at is told by its text. */
export const toThrown = (error: unknown, withOwn = true, depth = 0): Thrown => {
  if (!(error instanceof Error)) return { value: withOwn ? error : String(error) }
  const { cause, errors } = error as { readonly cause?: unknown; readonly errors?: unknown }
  const inner = (error: unknown) => toThrown(error, withOwn, depth + 1)
  const isDeep = depth >= deepest
  const own = Object.entries(error).filter(([key, value]) => !shown.has(key) && typeof value !== "function")
  return {
    name: String(error.name),
    isOfDom: error instanceof DOMException,
    message: String(error.message),
    stack: error.stack === undefined ? undefined : String(error.stack),
    cause: cause === undefined || isDeep ? undefined : inner(cause),
    errors: Array.isArray(errors) && !isDeep ? errors.map(inner) : undefined,
    own: withOwn ? Object.fromEntries(own) : {},
    retryAfter: (error as { readonly [retryAfter]?: unknown })[retryAfter]
  }
}

/**
 * Posts the reason of an abort as far as it crosses: an error at least by its name and message, another value as it is, and else nothing, for
 * which there is an `AbortError` there.
 */
export const postReason = (reason: unknown, post: (told: Thrown | undefined) => void): void => {
  const ways = [() => toThrown(reason), () => (reason instanceof Error ? toThrown(reason, false) : undefined)]
  for (const told of reason === undefined ? [] : ways) {
    try {
      return post(told())
    } catch {}
  }
  post(undefined)
}

const classes: Readonly<Record<string, ErrorConstructor>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError
}

/** Of the class that the language, or the host, has for its name, and else an `Error` of that name. */
export const fromThrown = (thrown: Thrown): unknown => {
  if ("value" in thrown) return thrown.value
  const { cause, errors, isOfDom, message, name, own, retryAfter: instruction, stack } = thrown
  const options = cause === undefined ? {} : { cause: fromThrown(cause) }
  const made = isOfDom
    ? new DOMException(message, { name, ...options })
    : errors === undefined
      ? new (Object.hasOwn(classes, name) ? classes[name]! : Error)(message, options)
      : new AggregateError(errors.map(fromThrown), message, options)
  if (made.name !== name) define(made, "name", name)
  define(made, "stack", stack)
  if (instruction !== undefined) define(made, retryAfter, instruction)
  return Object.assign(made, own)
}

const define = (error: Error, key: PropertyKey, value: unknown): void =>
  void Object.defineProperty(error, key, { value, writable: true, configurable: true })
