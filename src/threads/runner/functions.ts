/** The thread's side of a module of plain functions: what a pool of promises runs there. */
import type { Transferable } from "../host.ts"
import { From, To, type ToThread } from "../messages.ts"
import { movesOf } from "../move.ts"
import { fromThrown, toThrown } from "../thrown.ts"
import type { Port } from "./port.ts"

/** Runs what the module exports, each attempt as `(input, { attempt, id, signal })`. */
export const runExports = (port: Port, module: Readonly<Record<string, unknown>>): void => {
  const names = Object.keys(module).filter((name) => isCallable(module[name]))
  let controller: AbortController | undefined
  const answer = (post: () => void) => {
    controller = undefined
    try {
      post()
    } catch (error) {
      fail(error)
    }
  }
  const fail = (error: unknown) => {
    try {
      port.post([From.error, toThrown(error)])
    } catch {
      port.post([From.error, toThrown(error, false)])
    }
  }
  const listen = (message: ToThread) => {
    if (message[0] === To.interrupt) {
      if (controller === undefined) return
      port.post([From.heard])
      const why = message[1]
      controller.abort(why && fromThrown(why))
    } else if (message[0] === To.end) port.leave(0)
    else if (message[0] === To.run) {
      const [, name, input, id, attempt] = message
      const { signal } = (controller = new AbortController())
      void call(module[name], name, input, { attempt, id, signal }).then(
        (value) => answer(() => port.post([From.value, value], movesOf(value) as ReadonlyArray<Transferable>)),
        (error) => answer(() => fail(error))
      )
    }
  }
  port.listen(listen, (error) => {
    // While one runs it was the reason why that is to end, and else the start of an attempt.
    if (controller !== undefined) listen([To.interrupt, undefined])
    else fail(new TypeError("its input could not be received", { cause: error }))
  })
  port.post([From.ready, names])
}

/** A class is a function that cannot be called. */
const isCallable = (exported: unknown): exported is Function =>
  typeof exported === "function" && !/^class\b/.test(Function.prototype.toString.call(exported))

const call = async (found: unknown, name: string, input: unknown, attempt: object): Promise<unknown> => {
  if (!isCallable(found)) throw new TypeError(`the module exports no function "${name}"`)
  return found(input, attempt)
}
