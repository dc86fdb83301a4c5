/** A pool for programs that write promises: `createPool` is all there is to know of it. */
export { createPool, type Options, type WithHandlers } from "./createPool.ts"
export type { HandlersOf, MapInputs, Run, Submit } from "./doors.ts"
export * from "./errors.ts"
export type { Inputs, MapOptions } from "./map.ts"
export type { Event, Outcome, Refused } from "./outcome.ts"
export type { DrainOptions, Pool } from "./pool.ts"
export type { Attempt, CallOptions, Handler, HandlerWithPolicy, Policy, RetryOptions, Task } from "./task.ts"
export type { Ticket } from "./ticket.ts"
/** How the number of workers follows the load: see the option `scaling`. */
export * as ScalingPolicy from "../ScalingPolicy.ts"
