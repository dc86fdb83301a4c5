/** Who has asked, as the log tells it. */
import { Option } from "effect"
import type { HttpServerRequest } from "effect/http"

export const clientOf = ({ remoteAddress }: HttpServerRequest.HttpServerRequest): string =>
  Option.getOrElse(remoteAddress, () => "a client that has gone")
