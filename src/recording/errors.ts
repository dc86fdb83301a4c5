/** What can be wrong with the file of a recording. */
import { Schema } from "effect"

/** There is no recording: its file cannot be written, or is something else. */
export class CannotRecord extends Schema.TaggedError<CannotRecord>()("CannotRecord", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `Cannot record to ${this.path}: ${this.reason}`
  }
}

/** A recording cannot be read, or one of its lines says what none can. `line` 0: it is about the whole file. */
export class BadRecording extends Schema.TaggedError<BadRecording>()("BadRecording", {
  path: Schema.String,
  line: Schema.Number,
  expected: Schema.String,
  actual: Schema.String
}) {
  override get message() {
    const where = this.line === 0 ? this.path : `${this.path}, line ${this.line}`
    return `${where}: expected ${this.expected}, got ${this.actual}`
  }
}
