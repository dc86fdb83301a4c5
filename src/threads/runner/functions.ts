/** The thread's side of a module of plain functions: what a pool of promises runs there. */
import { From, To } from "../messages.ts"
import type { Port } from "./port.ts"

/** Runs what the module exports, each attempt as `(input, { attempt, id, signal })`. */
export const runFunctions = (port: Port, module: Record<string, unknown>): void => {
  const names = Object.keys(module).filter((name) => typeof module[name] === "function")
  let controller: AbortController | undefined
  port.listen((message) => {
    if (message[0] === To.interrupt) {
      if (controller === undefined) return
      port.post([From.heard])
      controller.abort()
    } else if (message[0] === To.end) port.leave(0)
    else if (message[0] === To.run) {
      const [, name, input, id, attempt] = message
      const { signal } = (controller = new AbortController())
      void call(module[name], name, input, { attempt, id, signal }).then(
        (value) => {
          controller = undefined
          try {
            port.post([From.value, value])
          } catch (error) {
            port.post([From.error, error])
          }
        },
        (error) => {
          controller = undefined
          try {
            port.post([From.error, error])
          } catch {
            port.post([From.error, new Error(String(error))])
          }
        }
      )
    }
  })
  port.post([From.ready, names])
}

const call = async (found: unknown, name: string, input: unknown, attempt: object): Promise<unknown> => {
  if (typeof found !== "function") throw new TypeError(`the module exports no function "${name}"`)
  return found(input, attempt)
}
