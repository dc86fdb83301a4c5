/** What is logged on a thread, told to the pool's thread, which logs it. */
import { Context, Logger, References, Tracer } from "effect"
import { type Begin, From } from "../messages.ts"
import type { Outbox } from "./outbox.ts"
import { causeOf, plain, textOf } from "./plain.ts"
import { idOf } from "./spans.ts"

/** In the context of its layer and of its handlers: their loggers, where they bring none of their own. */
export const forwarding = (outbox: Outbox, { logLevel }: Begin): Context.Context<never> =>
  Context.empty().pipe(
    Context.add(Logger.CurrentLoggers, new Set([forwarder(outbox)])),
    Context.add(References.MinimumLogLevel, logLevel)
  )

const forwarder = (outbox: Outbox): Logger.Logger<unknown, void> =>
  Logger.make(({ cause, date, fiber, logLevel, message }) => {
    if (!outbox.hasRoom()) return
    const messages = Array.isArray(message) ? message : [message]
    const annotations = Object.entries(fiber.getRef(References.CurrentLogAnnotations))
    const log = (said: (value: unknown) => unknown) =>
      outbox.tell([
        From.log,
        {
          level: logLevel,
          message: messages.map(said),
          cause: causeOf(cause),
          annotations: Object.fromEntries(annotations.map(([key, value]) => [key, said(value)])),
          spans: fiber.getRef(References.CurrentLogSpans),
          date,
          span: idOf(Context.getOrUndefined(fiber.context, Tracer.ParentSpan))
        }
      ])
    // What can be cloned can still be what does not leave its process.
    if (!log(plain)) log(textOf)
  })
