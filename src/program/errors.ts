/** Why a run could not start, or had to stop. */
import { Cause, Schema } from "effect"
import { inspect, types } from "node:util"
import { OutcomeJson } from "../index.ts"

/** The command line, or a file that it names, is not usable. Nothing was run, and nothing overwritten. Exit code 2. */
export class BadUsage extends Schema.TaggedError<BadUsage>()("BadUsage", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

/** The requests could not be read to their end. Exit code 1. */
export class RequestsNotRead extends Schema.TaggedError<RequestsNotRead>()("RequestsNotRead", {
  path: Schema.String,
  reason: Schema.String,
  code: Schema.UndefinedOr(Schema.String)
}) {
  override get message() {
    return `cannot read the requests from ${this.path}: ${this.reason}`
  }
}

/** The outcomes could not be written, for example to a full disk. Exit code 1. */
export class OutcomesNotWritten extends Schema.TaggedError<OutcomesNotWritten>()("OutcomesNotWritten", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `cannot write the outcomes to ${this.path}: ${this.reason}`
  }
}

/** The page of a simulation could not be written. Exit code 1. */
export class PageNotWritten extends Schema.TaggedError<PageNotWritten>()("PageNotWritten", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `cannot write the page to ${this.path}: ${this.reason}`
  }
}

/** The settings that a search has found could not be written. Exit code 1. */
export class SettingsNotWritten extends Schema.TaggedError<SettingsNotWritten>()("SettingsNotWritten", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `cannot write the settings to ${this.path}: ${this.reason}`
  }
}

/** Each worker is held by an attempt that ignores its interruption, so that nothing could go on. Exit code 1. */
export class EveryWorkerStuck extends Schema.TaggedError<EveryWorkerStuck>()("EveryWorkerStuck", {
  workers: Schema.Number
}) {
  override get message() {
    return `all ${this.workers} workers are stuck in handlers that ignore their interruption`
  }
}

/** A signal, or an error that nobody caught, came before anything was run. Exit code 130, 143 or 70. */
export class StoppedBeforeStart extends Schema.TaggedError<StoppedBeforeStart>()("StoppedBeforeStart", {
  by: Schema.String,
  code: Schema.Number
}) {
  override get message() {
    return `stopped before anything was run by ${this.by}`
  }
}

/**
 * Something was thrown where nobody could catch it, or a promise rejected that nobody waits for: by a timer or a promise
 * that a handler, or its module, has left behind. Exit code 70.
 */
export class UncaughtError extends Schema.TaggedError<UncaughtError>()("UncaughtError", {
  /** On one line. */
  text: Schema.String,
  /** With its stack and its causes. */
  detail: Schema.String
}) {
  /** Whatever was thrown, even what cannot be read. */
  static of(thrown: unknown): UncaughtError {
    const name = thrown !== null && !types.isProxy(thrown) && thrown instanceof Error ? "Error: " : ""
    return new UncaughtError({ text: `${name}${messageOf(thrown)}`, detail: inspected(thrown) })
  }

  override get message() {
    return `an error that nobody caught (${this.text})`
  }

  /** For the log. */
  get asCause(): Cause.Cause<never> {
    const error = new Error(this.text)
    error.stack = this.detail
    return Cause.die(error)
  }
}

const inspected = (thrown: unknown): string => {
  try {
    return inspect(thrown).slice(0, 10_000)
  } catch {
    return messageOf(thrown)
  }
}

export const { messageOf } = OutcomeJson

/** The code of a system error, such as `ENOENT`. */
export const codeOf = (thrown: unknown): string | undefined =>
  typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : undefined
