/** piscina, as its page shows it. */
import { Piscina } from "piscina"
import type { Prepare } from "../subjects.ts"

/** `hasSignals`: each call has a signal that aborts it, as a timeout needs one. `more`: threads beyond those that are asked for. */
export const piscina =
  ({ hasSignals = true, more = 0 }: { readonly hasSignals?: boolean; readonly more?: number } = {}): Prepare =>
  ({ isBundled, threads }) => {
    const filename = new URL(isBundled ? "../work.mjs" : "../work.ts", import.meta.url).href
    return async () => {
      const most = threads + more
      const pool = new Piscina({ filename, minThreads: most, maxThreads: most, idleTimeout: Infinity })
      await Promise.all(Array.from({ length: most }, () => pool.run(0, { name: "noop" })))
      const call = (
        name: string,
        input: unknown,
        { timeoutMillis = 30_000, transferList }: { timeoutMillis?: number; transferList?: Array<ArrayBuffer> } = {}
      ) => {
        if (!hasSignals) return pool.run(input, { name, ...(transferList && { transferList }) })
        const controller = new AbortController()
        const timer = setTimeout(() => controller.abort(), timeoutMillis)
        return pool
          .run(input, { name, signal: controller.signal, ...(transferList && { transferList }) })
          .finally(() => clearTimeout(timer))
      }
      return {
        noop: (n) => call("noop", n),
        spin: (millis, timeoutMillis) => call("spin", millis, { ...(timeoutMillis && { timeoutMillis }) }),
        echo: (bytes) => call("echo", bytes),
        move: (bytes) => call("moved", bytes, { transferList: [bytes.buffer as ArrayBuffer] }),
        close: () => pool.destroy()
      }
    }
  }
