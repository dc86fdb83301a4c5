/** What a client of the Rpc protocol may send over HTTP: lines of JSON. */
import { Schema } from "effect"

const Id = Schema.Union([Schema.String, Schema.Finite])

const Message = Schema.Union([
  Schema.Struct({
    _tag: Schema.Literal("Request"),
    id: Id,
    tag: Schema.String,
    payload: Schema.optionalKey(Schema.Unknown),
    headers: Schema.Array(Schema.Tuple([Schema.String, Schema.String])),
    traceId: Schema.optionalKey(Schema.String),
    spanId: Schema.optionalKey(Schema.String),
    sampled: Schema.optionalKey(Schema.Boolean)
  }),
  Schema.Struct({ _tag: Schema.Literals(["Ack", "Interrupt"]), requestId: Id }),
  Schema.Struct({ _tag: Schema.Literals(["Ping", "Eof"]) })
])

const isMessage = Schema.is(Message)

export const expected = "Expected lines of JSON, each a message of the Rpc protocol"

/** Whether each line is a message, and there is one. */
export const areMessages = (text: string): boolean => {
  const lines = text.split("\n").filter((line) => line.trim() !== "")
  return lines.length > 0 && lines.every(isLine)
}

const isLine = (line: string): boolean => {
  try {
    return isMessage(JSON.parse(line))
  } catch {
    return false
  }
}
