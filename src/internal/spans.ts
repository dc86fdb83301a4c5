/** The spans of one traced request: its own, and one within it for each time that it waits. Attempts make theirs. */
import { Clock, Context, Effect, Exit, Tracer } from "effect"
import type { End } from "../Outcome.ts"

/** What is told of a request. */
interface Told {
  readonly id: string
  readonly tag: string
  readonly details: { readonly resubmittedFrom: string | undefined } | undefined
  readonly attempts: number
  readonly end: End | undefined
  readonly exit: Exit.Exit<unknown, unknown> | undefined
}

/** Made when its caller asks; there is no span before the request is accepted, and none if it is refused. */
export class RequestSpans {
  /** As of its caller: its tracer, its span and its clock. */
  private readonly context: Context.Context<never>
  /** The parent of the attempts' spans. */
  span: Tracer.Span | undefined = undefined
  private waiting: Tracer.Span | undefined = undefined

  constructor(context: Context.Context<never>) {
    this.context = context
  }

  onAccepted({ details, id, tag }: Told): void {
    this.guarded(() => {
      const attributes: Record<string, unknown> = { "request.id": id, "request.type": tag }
      const { resubmittedFrom } = details!
      if (resubmittedFrom !== undefined) attributes["request.resubmitted_from"] = resubmittedFrom
      this.span = this.start(`request ${tag}`, { attributes })
    })
    this.onWaiting()
  }

  /** It waits for a worker, or for the time of its next attempt. */
  onWaiting(): void {
    this.guarded(() => {
      this.waiting = this.start("waiting", { parent: this.span })
    })
  }

  onAttempt(): void {
    const { waiting } = this
    this.waiting = undefined
    this.guarded(() => waiting?.end(this.now, Exit.void))
  }

  /** The request has ended, which may be before its attempt has, and after its caller's span. */
  onEnded({ attempts, end, exit }: Told): void {
    this.onAttempt()
    const { span } = this
    if (span === undefined) return
    this.guarded(() => {
      span.attribute("request.end", end)
      span.attribute("request.attempts", attempts)
      span.end(this.now, exit!)
    })
  }

  /** What a tracer throws, at the sight of a result perhaps, is none of the request's business. */
  private guarded(trace: () => void): void {
    try {
      trace()
    } catch (defect) {
      Effect.runForkWith(this.context)(Effect.logError("a tracer threw", defect))
    }
  }

  private start(name: string, options: Tracer.SpanOptionsNoTrace): Tracer.Span {
    return Effect.runSyncWith(this.context)(Effect.makeSpan(name, options))
  }

  private get now(): bigint {
    return Context.get(this.context, Clock.Clock).currentTimeNanosUnsafe()
  }
}
