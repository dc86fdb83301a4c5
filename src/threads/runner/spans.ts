/** Spans of a thread, told to the pool's thread, which makes the same in the tracer of the attempt. */
import { type Cause, Exit, Option, Tracer } from "effect"
import { From, type SpanContext, type SpanLink, type SpanMore } from "../messages.ts"
import type { Outbox } from "./outbox.ts"
import { causeOf, plain } from "./plain.ts"

/**
 * A tracer whose spans are told to the other side at once: what was told before a kill is known there. Their ids are of this thread
 * alone: the other side makes its own.
 */
export const forwarder = (outbox: Outbox): Tracer.Tracer => {
  let last = 0
  return Tracer.make({
    span: (options) => (options.sampled ? new Forwarded(outbox, ++last, options) : new Tracer.NativeSpan(options))
  })
}

/** By what it, or the nearest around it that was told, is known on the other side; `undefined`: none of the thread is. */
export const idOf = (span: Tracer.AnySpan | undefined): number | undefined => {
  const told = toldOf(span)
  return told instanceof Forwarded ? told.id : undefined
}

class Forwarded extends Tracer.NativeSpan {
  readonly id: number
  /** If not it was dropped, and so is what would be told of it. If so its end is told, too: the other side waits for that. */
  readonly isTold: boolean
  private readonly outbox: Outbox

  constructor(outbox: Outbox, id: number, options: Parameters<Tracer.Tracer["span"]>[0]) {
    super(options)
    this.outbox = outbox
    this.id = id
    const { kind, links, name, parent, root: isRoot, startTime } = options
    this.isTold =
      outbox.hasRoom() &&
      outbox.tell([
        From.spanStart,
        {
          id,
          name,
          parent: Option.isSome(parent) ? contextOf(parent.value) : undefined,
          startTime,
          kind,
          isRoot,
          links: linksOf(links)
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
    this.tell({ links: linksOf(links) })
  }

  override end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    super.end(endTime, exit)
    if (!this.isTold) return
    const cause = Exit.isSuccess(exit) ? undefined : causeOf(exit.cause as Cause.Cause<unknown>)
    this.outbox.tell([From.spanEnd, { id: this.id, endTime, cause }])
  }

  private tell(more: Omit<SpanMore, "id">): void {
    if (this.isTold && this.outbox.hasRoom()) this.outbox.tell([From.spanMore, { id: this.id, ...more }])
  }
}

const toldOf = (span: Tracer.AnySpan | undefined): Tracer.AnySpan | undefined => {
  let told = span
  while (told instanceof Forwarded && !told.isTold) told = Option.getOrUndefined(told.parent)
  return told
}

/** `undefined`: neither it nor any around it was told. */
const contextOf = (span: Tracer.AnySpan): number | SpanContext | undefined => {
  const told = toldOf(span)
  if (told === undefined) return undefined
  return told instanceof Forwarded ? told.id : ([told.traceId, told.spanId, told.sampled] as const)
}

const linksOf = (links: ReadonlyArray<Tracer.SpanLink>): ReadonlyArray<SpanLink> =>
  links.flatMap(({ attributes, span }) => {
    const told = contextOf(span)
    return told === undefined ? [] : [[told, recordOf(attributes)] as const]
  })

const recordOf = (attributes: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, plain(value)]))
