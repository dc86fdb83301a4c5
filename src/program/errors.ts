/** Why a run could not start, or had to stop. */
import { Schema } from "effect"
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

/** Each worker is held by an attempt that ignores its interruption, so that nothing could go on. Exit code 1. */
export class EveryWorkerStuck extends Schema.TaggedError<EveryWorkerStuck>()("EveryWorkerStuck", {
  workers: Schema.Number
}) {
  override get message() {
    return `all ${this.workers} workers are stuck in handlers that ignore their interruption`
  }
}

/** A signal came before anything was run. Exit code 130 or 143. */
export class StoppedBeforeStart extends Schema.TaggedError<StoppedBeforeStart>()("StoppedBeforeStart", {
  signal: Schema.Literals(["SIGINT", "SIGTERM"])
}) {
  override get message() {
    return `stopped by ${this.signal} before anything was run`
  }
}

export const { messageOf } = OutcomeJson

/** The code of a system error, such as `ENOENT`. */
export const codeOf = (thrown: unknown): string | undefined =>
  typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : undefined
