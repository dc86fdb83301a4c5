/** What the caller of a request sees that ends without an attempt's doing. */
import { Exit } from "effect"
import { type Phase, RequestCancelled, RequestExpired, RequestReplaced } from "../PoolError.ts"
import type { PoolRequest } from "./request.ts"
import { withoutStack } from "./runtime.ts"

export const cancelledExit = ({ tag }: PoolRequest): Exit.Exit<never, RequestCancelled> =>
  Exit.fail(withoutStack(() => new RequestCancelled({ tag })))

export const replacedExit = ({ tag }: PoolRequest, { id }: PoolRequest): Exit.Exit<never, RequestReplaced> =>
  Exit.fail(withoutStack(() => new RequestReplaced({ tag, by: id })))

export const expiredExit = ({ phase, tag }: PoolRequest): Exit.Exit<never, RequestExpired> =>
  Exit.fail(withoutStack(() => new RequestExpired({ tag, phase: phase as Phase })))
