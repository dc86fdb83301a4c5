/** What is started for a module of handlers: a program of its own, on a thread or in a process. */
import { workerData } from "node:worker_threads"
import { From } from "../messages.ts"
import { enter } from "../within.ts"
import { wordsOf } from "../words.ts"
import * as Port from "./port.ts"
import type { Work } from "../start.ts"

const port = Port.make()
const { exports, module, services, within }: Work = workerData ?? JSON.parse(process.argv[2]!)
enter(within)

try {
  if (exports === "group") {
    const [{ runModule }, loaded] = await Promise.all([import("../ThreadRunner.ts"), import(module)])
    await runModule(port, loaded, module, services ? await import("@effect/platform-node/NodeServices") : undefined)
  } else {
    const [{ runExports }, loaded] = await Promise.all([import("./functions.ts"), import(module)])
    runExports(port, loaded)
  }
} catch (error) {
  // Of what cannot be read Node says where on stderr alone.
  const where = error instanceof SyntaxError ? ` (${module}, or what it imports)` : ""
  port.post([From.unusable, wordsOf(error) + where])
  port.leave(1)
}
