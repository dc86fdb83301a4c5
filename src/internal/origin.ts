/** What a request takes with it from where it was called. */
import { Context, References, Tracer } from "effect"
import { type AsyncContext, captureAsyncContext } from "./asyncContext.ts"
import type { Details, Inherited, PoolRequest, Reference, Route } from "./request.ts"
import { caller, isTracedIn } from "./runtime.ts"
import { RequestSpans } from "./spans.ts"

/** Made only where there is something to take along, so that the record of all other calls is small. */
export class Origin {
  private readonly parts: Parts

  constructor(parts: Parts) {
    this.parts = parts
  }

  /** Whether an attempt makes the call. */
  get isNested(): boolean {
    return this.parts.parent !== undefined
  }

  /** Writes it down for one request. What `run` runs has all of its caller's context, and so needs no more of it. */
  giveTo(details: Details, route: Route, pool: Context.Context<never>): void {
    const { asyncContext, context, isTraced, parent, span, values } = this.parts
    details.asyncContext = asyncContext
    details.parent = parent
    if (isTraced) details.spans = new RequestSpans(context)
    if (route.context === undefined) return
    details.span = span
    if (values !== undefined) details.inherited = missingIn(route.context, pool, values)
  }
}

interface Parts {
  readonly context: Context.Context<never>
  readonly asyncContext: AsyncContext | undefined
  readonly span: Tracer.AnySpan | undefined
  readonly isTraced: boolean
  readonly parent: PoolRequest | undefined
  readonly values: ReadonlyArray<Inherited> | undefined
}

/** Where an attempt finds its own request in its context, and so do the calls that it makes. */
export const CurrentRequest = Context.Reference<PoolRequest | undefined>("effect-worker-pool/internal/CurrentRequest", {
  defaultValue: () => undefined
})

/** Looks at callers. */
export class Origins {
  private readonly inherit: ReadonlyArray<Reference>
  /** The last context that had nothing: callers of one turn often share theirs, and three looks cost 3 % (W1). */
  private plain: Context.Context<never> | undefined = undefined

  /** `inherit` names further references. */
  constructor(inherit: ReadonlyArray<Reference>) {
    this.inherit = inherit
  }

  /**
   * The origin of a call which the running fiber makes; `undefined`: it has nothing to take along. A caller that waits for
   * the end of its request keeps its async context itself: see `PoolRequest.caller`.
   */
  here(waits: boolean): Origin | undefined {
    return this.of(caller().context, waits ? undefined : captureAsyncContext())
  }

  /** The same of a call that is made with these contexts. */
  of(context: Context.Context<never>, asyncContext: AsyncContext | undefined): Origin | undefined {
    if (context === this.plain && asyncContext === undefined) return undefined
    const span = Context.getOrUndefined(context as Context.Context<Tracer.ParentSpan>, Tracer.ParentSpan)
    const isTraced = isTracedIn(context)
    const parent = Context.getOrUndefined(context, CurrentRequest)
    let values = withValue(undefined, context, References.CurrentLogAnnotations)
    values = withValue(values, context, References.CurrentLogSpans)
    for (const reference of this.inherit) values = withValue(values, context, reference)
    if (parent === undefined && span === undefined && !isTraced && values === undefined) {
      this.plain = context
      if (asyncContext === undefined) return undefined
    }
    return new Origin({
      context,
      asyncContext,
      span,
      isTraced,
      parent: isLive(parent) ? parent : undefined,
      values
    })
  }

  /** The turn is over: nobody's context is kept. */
  readonly forget = (): void => {
    this.plain = undefined
  }
}

/** Whether its attempt still keeps a worker: a fiber that it has left behind calls for nobody. */
export const isLive = (request: PoolRequest | undefined): request is PoolRequest =>
  request !== undefined && request.worker?.request === request

const withValue = (
  values: Array<Inherited> | undefined,
  context: Context.Context<never>,
  reference: Reference
): Array<Inherited> | undefined => {
  const value = Context.getOrUndefined(context, reference)
  if (value === undefined) return values
  if (values === undefined) return [{ reference, value }]
  values.push({ reference, value })
  return values
}

/**
 * The handler's own layer wins. Of annotations and spans of the log all are there, the pool's and the handler's too; of one
 * name the handler's holds, then the caller's.
 */
const missingIn = (
  own: Context.Context<never>,
  pool: Context.Context<never>,
  values: ReadonlyArray<Inherited>
): ReadonlyArray<Inherited> =>
  values.flatMap(({ reference, value }) => {
    const present = Context.getOrUndefined(own, reference)
    const below = Context.getOrUndefined(pool, reference)
    if (present === value) return []
    if (reference === References.CurrentLogAnnotations)
      return [{ reference, value: { ...below, ...value, ...present } }]
    if (reference === References.CurrentLogSpans) {
      return [{ reference, value: [...new Set([...(below ?? []), ...(present ?? []), ...value])] }]
    }
    return present === undefined ? [{ reference, value }] : []
  })
