/** The three ways in: for tasks, and under the name of each handler for its inputs. */
import { PoolRequest, type Route } from "../internal/request.ts"
import type { Door, Target } from "./door.ts"
import { withFunctions } from "./functionDoors.ts"
import { type Inputs, map, type MapOptions, toPlan } from "./map.ts"
import type { Outcome, Refused } from "./outcome.ts"
import type {
  Answers,
  Attempt,
  BatchedHandler,
  CallOptions,
  FunctionPolicy,
  Handler,
  HandlerWithPolicy,
  Task
} from "./task.ts"
import type { ModuleOnThreads } from "./threads.ts"
import { type Ticket, TicketOf } from "./ticket.ts"

/** The handlers of a pool, by name. */
export type HandlersOf = Readonly<
  Record<string, Handler<never, unknown> | HandlerWithPolicy<never, unknown> | BatchedHandler<never, Answers>>
>

/**
 * Of the type of a module: its functions of an input and an attempt, by name. What each function has, such as `call`, is no name for one.
 */
export type FunctionsOf<M> = {
  readonly [Name in keyof M as M[Name] extends Handler<never, unknown> ? Exclude<Name, Reserved> : never]: M[Name]
}

/** Of the type of a module: what each of its functions may say for itself. */
export type PoliciesOf<M> = {
  readonly [Name in keyof FunctionsOf<M>]?: FunctionPolicy<InputOf<FunctionsOf<M>[Name]>> | undefined
}

type Reserved = Exclude<keyof Function, "name" | "length"> | "constructor" | "run" | "then" | "toJSON"

type FunctionOf<H> = H extends HandlerWithPolicy<never, unknown> ? H["handler"] : H
type ValueOf<H> = H extends BatchedHandler<never, Answers> ? AnswerOf<Awaited<ReturnType<H["batched"]>>> : ValueOfOne<H>
/** An error is none. */
type AnswerOf<A> = A extends ReadonlyArray<infer One> ? Exclude<Awaited<One>, Error> : never
type ValueOfOne<H> = FunctionOf<H> extends (...given: never) => infer A ? Awaited<A> : never
/** That of a handler which takes none is `undefined`. */
type InputOf<H> = H extends BatchedHandler<never, Answers> ? InputsOf<H>[number] : InputOfOne<H>
type InputsOf<H> = H extends {
  readonly batched: (inputs: infer Inputs extends ReadonlyArray<any>, ...rest: never) => unknown
}
  ? Inputs
  : never
type InputOfOne<H> =
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

/** `module`: what runs on threads beside them. */
export const makeDoors = <H>(
  door: Door,
  handlers: ReadonlyMap<string, Handler<any, unknown>>,
  module: ModuleOnThreads | undefined
): Doors<H> => {
  const ofTasks = targetOf(door.core.runRoute, undefined)
  const mapTasks = (inputs: Inputs<unknown>, task: unknown, options?: MapOptions) =>
    map(door, toPlan(mapTasks, door, targetOf(ofTasks.route, task as Handler<any, unknown>), inputs, options))
  const names = new Set(handlers.keys())
  const way = (tasks: Function, make: (door: Door, target: Target) => Function): Function => {
    for (const [name, handler] of handlers) {
      const value = make(door, targetOf(door.core.routes.get(name)!, handler))
      // Handlers may have any name, those that a function has already too.
      Object.defineProperty(tasks, name, { value, enumerable: true, configurable: true })
    }
    return module === undefined ? tasks : withFunctions(tasks, names, module, (target) => make(door, target))
  }
  return {
    run: way(runner(door, ofTasks), runner),
    submit: way(submitter(door, ofTasks), submitter),
    map: way(mapTasks, mapper)
  } as unknown as Doors<H>
}

const targetOf = (route: Route, handler: Handler<any, unknown> | undefined): Target => ({
  tag: route.tag,
  refusal: undefined,
  route,
  handler
})

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

const mapper = (door: Door, target: Target) => {
  const mapOf = (inputs: Inputs<unknown>, options?: MapOptions) =>
    map(door, toPlan(mapOf, door, target, inputs, options))
  return mapOf
}
