/** The three ways in: for tasks, and under the name of each handler for its inputs. */
import { PoolRequest } from "../internal/request.ts"
import type { Door, Target } from "./door.ts"
import { type Inputs, map, type MapOptions, toPlan } from "./map.ts"
import type { Outcome, Refused } from "./outcome.ts"
import type { Attempt, CallOptions, Handler, HandlerWithPolicy, Task } from "./task.ts"
import { type Ticket, TicketOf } from "./ticket.ts"

/** The handlers of a pool, by name. */
export type HandlersOf = Readonly<Record<string, Handler<never, unknown> | HandlerWithPolicy<never, unknown>>>

type FunctionOf<H> = H extends HandlerWithPolicy<never, unknown> ? H["handler"] : H
type ValueOf<H> = FunctionOf<H> extends (...given: never) => infer A ? Awaited<A> : never
/** That of a handler which takes none is `undefined`. */
type InputOf<H> =
  FunctionOf<H> extends (...given: infer Given) => unknown ? (Given extends [] ? undefined : Given[0]) : never
/** An input that may be `undefined` may be left out. */
type Given<H> =
  undefined extends InputOf<H>
    ? [input?: InputOf<H>, options?: CallOptions]
    : [input: InputOf<H>, options?: CallOptions]

/** `run(task)`, and `run.resize(input)` for a handler of that name. */
export type Run<H> = {
  <T extends Task<unknown>>(task: T, options?: CallOptions): Promise<Awaited<ReturnType<T>>>
} & { readonly [Name in keyof H]: (...given: Given<H[Name]>) => Promise<ValueOf<H[Name]>> }

/** The same, for those who do not wait for the end. */
export type Submit<H> = {
  <T extends Task<unknown>>(task: T, options?: CallOptions): Promise<Ticket<Awaited<ReturnType<T>>>>
} & { readonly [Name in keyof H]: (...given: Given<H[Name]>) => Promise<Ticket<ValueOf<H[Name]>>> }

type Mapped<A> = AsyncGenerator<A, void, undefined>
type WithOutcomes = MapOptions & { readonly outcomes: true }
type WithResults = MapOptions & { readonly outcomes?: false | undefined }

/** `map(inputs, task)`, and `map.resize(inputs)` for a handler of that name. With `outcomes: true` it gives those, and fails for none. */
export type MapInputs<H> = {
  <I, A>(
    inputs: Inputs<I>,
    task: (input: I, attempt: Attempt) => A,
    options: WithOutcomes
  ): Mapped<Outcome<Awaited<A>> | Refused>
  <I, A>(inputs: Inputs<I>, task: (input: I, attempt: Attempt) => A, options?: WithResults): Mapped<Awaited<A>>
} & {
  readonly [Name in keyof H]: {
    (inputs: Inputs<InputOf<H[Name]>>, options: WithOutcomes): Mapped<Outcome<ValueOf<H[Name]>> | Refused>
    (inputs: Inputs<InputOf<H[Name]>>, options?: WithResults): Mapped<ValueOf<H[Name]>>
  }
}

export interface Doors<H> {
  readonly run: Run<H>
  readonly submit: Submit<H>
  readonly map: MapInputs<H>
}

export const makeDoors = <H>(door: Door, handlers: ReadonlyMap<string, Handler<any, unknown>>): Doors<H> => {
  const ofTasks: Target = { route: door.core.runRoute, handler: undefined }
  const run = runner(door, ofTasks)
  const submit = submitter(door, ofTasks)
  const mapTasks = (inputs: Inputs<unknown>, task: unknown, options?: MapOptions) =>
    map(door, toPlan(mapTasks, door, { route: ofTasks.route, handler: task as Handler<any, unknown> }, inputs, options))
  for (const [name, handler] of handlers) {
    const target: Target = { route: door.core.routes.get(name)!, handler }
    const mapOf = (inputs: Inputs<unknown>, options?: MapOptions) =>
      map(door, toPlan(mapOf, door, target, inputs, options))
    define(run, name, runner(door, target))
    define(submit, name, submitter(door, target))
    define(mapTasks, name, mapOf)
  }
  return { run, submit, map: mapTasks } as unknown as Doors<H>
}

const runner = (door: Door, target: Target) => {
  const run = (given: unknown, options?: CallOptions): Promise<unknown> => {
    const request = door.enter(run, true, target, given, options)
    return request instanceof PoolRequest
      ? door.result(request, () => door.cancel(request))
      : Promise.reject(request.error)
  }
  return run
}

const submitter = (door: Door, target: Target) => {
  const submit = (given: unknown, options?: CallOptions): Promise<Ticket<unknown>> => {
    const request = door.enter(submit, false, target, given, options)
    return request instanceof PoolRequest
      ? door.accepted(request, new TicketOf(door, request))
      : Promise.reject(request.error)
  }
  return submit
}

/** Handlers may have any name, those that a function has already too. */
const define = (door: Function, name: string, value: Function): void =>
  void Object.defineProperty(door, name, { value, enumerable: true, configurable: true })
