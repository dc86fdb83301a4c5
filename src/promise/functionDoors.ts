/** The ways in to the functions of a module: whatever name is asked for, until it is known which there are. */
import type { Target } from "./door.ts"
import { isReserved, type ModuleOnThreads } from "./threads.ts"

/** `way`, which has what handlers there are, and for each function of the module a `make` of it. */
export const withFunctions = <Way extends Function>(
  way: Way,
  handlers: ReadonlySet<string>,
  module: ModuleOnThreads,
  make: (target: Target) => Function
): Way => {
  /** Of those that are known to be there. */
  const made = new Map<string, Function>()
  return new Proxy(way, {
    get: (_, name) => {
      if (typeof name === "symbol" || handlers.has(name) || isReserved(name)) return Reflect.get(way, name)
      const found = made.get(name)
      if (found !== undefined) return found
      const target = module.target(name)
      const one = make(target)
      if (module.target(name) === target) made.set(name, one)
      return one
    },
    has: (_, name) =>
      typeof name === "symbol" || handlers.has(name) ? Reflect.has(way, name) : module.mayHave(name) || name in way
  })
}
