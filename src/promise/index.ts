/** A pool for programs that write promises: `createPool` is all there is to know of it. */
export { createPool, type CreatePool, type Options, type WithHandlers } from "./createPool.ts"
export type { FunctionsOf, HandlersOf, MapInputs, PoliciesOf, Run, Submit } from "./doors.ts"
export * from "./errors.ts"
export type { LogLine } from "./log.ts"
export type { Group } from "./group.ts"
export type { Inputs, MapOptions } from "./map.ts"
export type { Event, Outcome, Refused } from "./outcome.ts"
export { NotBefore } from "./notBefore.ts"
export type { DrainOptions, Pool } from "./pool.ts"
export type { RecordOptions } from "./recording.ts"
export type { Selection } from "./selection.ts"
export type {
  Answers,
  Attempt,
  BatchAttempt,
  BatchedHandler,
  CallOptions,
  FunctionPolicy,
  Handler,
  HandlerWithPolicy,
  Policy,
  RetryOptions,
  Task
} from "./task.ts"
export type { Location, OnThreads, ThreadsOptions, WithPolicies, WithThreads } from "./threadsOption.ts"
export type { Ticket } from "./ticket.ts"
export { move } from "../threads/move.ts"
export type { DrainReport } from "../DrainReport.ts"
export type { Latencies } from "../Latencies.ts"
/** What an error of any class says in place of `NotBefore`. */
export { type HasRetryAfter, type Instruction, RetryAfter } from "../NotBefore.ts"
export type { PoolSnapshot } from "../PoolSnapshot.ts"
export type { Filter, GateView, GroupCounts, GroupReport, Pausable, RequestView, Waiters } from "../Selection.ts"
/** What stops calls of a function while they fail: see the option `breaker`. */
export * as CircuitBreaker from "../CircuitBreaker.ts"
/** What retries may add to the load: see the option `retryBudget`. */
export * as RetryBudget from "../RetryBudget.ts"
/** How much may run at once, and how often something may start: see the option `limits`. */
export * as Limit from "../Limit.ts"
/** How the number of workers follows the load: see the option `scaling`. */
export * as ScalingPolicy from "../ScalingPolicy.ts"
