/** Spans of a thread, told to the pool's thread, which makes the same in the tracer of the attempt. */
import { type Cause, Exit, Option, Tracer } from "effect"
import { From, type SpanContext, type SpanLink, type SpanMore } from "../messages.ts"
import { causeOf, plain, tell } from "./plain.ts"
import type { Port } from "./port.ts"

/**
 * A tracer whose spans are told to the other side at once: what was told before a kill is known there. Their ids are of this thread
 * alone: the other side makes its own.
 */
export const forwarder = (port: Port): Tracer.Tracer => {
  let last = 0
  return Tracer.make({
    span: (options) => (options.sampled ? new Forwarded(port, ++last, options) : new Tracer.NativeSpan(options))
  })
}

/** By what it is known on the other side; `undefined`: it is none that was told. */
export const idOf = (span: Tracer.AnySpan | undefined): number | undefined =>
  span instanceof Forwarded ? span.id : undefined

class Forwarded extends Tracer.NativeSpan {
  readonly id: number
  private readonly port: Port

  constructor(port: Port, id: number, options: Parameters<Tracer.Tracer["span"]>[0]) {
    super(options)
    this.port = port
    this.id = id
    const { kind, links, name, parent, root: isRoot, startTime } = options
    tell(port, [
      From.spanStart,
      {
        id,
        name,
        parent: Option.isSome(parent) ? contextOf(parent.value) : undefined,
        startTime,
        kind,
        isRoot,
        links: links.map(linkOf)
      }
    ])
  }

  override attribute(key: string, value: unknown): void {
    if (this.status._tag === "Ended") return
    super.attribute(key, value)
    this.tell({ attributes: { [key]: plain(value) } })
  }

  override event(name: string, startTime: bigint, attributes: Record<string, unknown> = {}): void {
    if (this.status._tag === "Ended") return
    this.tell({ event: [name, startTime, recordOf(attributes)] })
  }

  override addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    if (this.status._tag === "Ended") return
    super.addLinks(links)
    this.tell({ links: links.map(linkOf) })
  }

  override end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    super.end(endTime, exit)
    const cause = Exit.isSuccess(exit) ? undefined : causeOf(exit.cause as Cause.Cause<unknown>)
    tell(this.port, [From.spanEnd, { id: this.id, endTime, cause }])
  }

  private tell(more: Omit<SpanMore, "id">): void {
    tell(this.port, [From.spanMore, { id: this.id, ...more }])
  }
}

const contextOf = (span: Tracer.AnySpan): number | SpanContext =>
  idOf(span) ?? ([span.traceId, span.spanId, span.sampled] as const)

const linkOf = ({ attributes, span }: Tracer.SpanLink): SpanLink => [contextOf(span), recordOf(attributes)]

const recordOf = (attributes: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, plain(value)]))
