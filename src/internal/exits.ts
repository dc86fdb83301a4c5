/** What callers see whose requests end without an attempt's doing, or are none. */
import { Exit } from "effect"
import {
  type Phase,
  QueueFull,
  RequestCancelled,
  RequestExpired,
  RequestInterrupted,
  RequestReplaced
} from "../PoolError.ts"
import { keyOf } from "../queue/ranked.ts"
import type { PoolRequest } from "./request.ts"
import { withoutStack } from "./runtime.ts"

export const cancelledExit = ({ tag }: PoolRequest): Exit.Exit<never, RequestCancelled> =>
  Exit.fail(withoutStack(() => new RequestCancelled({ tag })))

export const replacedExit = ({ tag }: PoolRequest, { id }: PoolRequest): Exit.Exit<never, RequestReplaced> =>
  Exit.fail(withoutStack(() => new RequestReplaced({ tag, by: id })))

export const interruptedExit = (
  request: PoolRequest,
  phase: "waiting" | "delayed" | "running"
): Exit.Exit<never, RequestInterrupted> =>
  Exit.fail(withoutStack(() => new RequestInterrupted({ tag: request.tag, phase, attempts: request.attempts })))

export const expiredExit = ({ phase, tag }: PoolRequest): Exit.Exit<never, RequestExpired> =>
  Exit.fail(withoutStack(() => new RequestExpired({ tag, phase: phase as Phase })))

/** There is room, but not for one more of its key. */
export const fullOfKey = (request: PoolRequest, capacity: number): Exit.Exit<never, QueueFull> =>
  Exit.fail(withoutStack(() => new QueueFull({ capacity, key: keyOf(request) })))
