/** What is wrong with a pool, or with one of its levers, and not with a request. Told by way of `PoolError`. */
import { Schema } from "effect"

/** A number of workers outside the pool's bounds was asked for. */
export class OutOfBounds extends Schema.TaggedError<OutOfBounds>()("OutOfBounds", {
  workers: Schema.Number,
  minWorkers: Schema.Number,
  maxWorkers: Schema.Number
}) {
  override get message() {
    return `Expected a whole number of workers from ${this.minWorkers} to ${this.maxWorkers}, got ${this.workers}`
  }
}

/** An option of the pool is out of its range. */
export class InvalidPoolConfig extends Schema.TaggedError<InvalidPoolConfig>()("InvalidPoolConfig", {
  field: Schema.String,
  expected: Schema.String,
  actual: Schema.String
}) {
  override get message() {
    return `Expected \`${this.field}\` to be ${this.expected}, got ${this.actual}`
  }
}

/** Two groups given to `Handlers.layer` define the same tag. */
export class DuplicateHandler extends Schema.TaggedError<DuplicateHandler>()("DuplicateHandler", {
  tag: Schema.String
}) {
  override get message() {
    return `Two groups define "${this.tag}"; a pool needs each tag once (\`RpcGroup.prefix\` tells them apart)`
  }
}

/** The pool cannot run this kind of Rpc. */
export class UnsupportedRpc extends Schema.TaggedError<UnsupportedRpc>()("UnsupportedRpc", {
  tag: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `"${this.tag}" cannot run in a pool: ${this.reason}`
  }
}

/** No dead letter of that id is kept: it was never there, was dropped as the oldest, or was resubmitted. */
export class DeadLetterNotFound extends Schema.TaggedError<DeadLetterNotFound>()("DeadLetterNotFound", {
  id: Schema.String
}) {
  override get message() {
    return `No dead letter with id "${this.id}"`
  }
}
