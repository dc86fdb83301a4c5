/** One case by one implementation, in this process, which loads nothing else: prints its measurement as one line of JSON. */
import { type Case, cases, quickly } from "./cases.ts"
import type { Measurement } from "./load.ts"

const [impl, name, speed] = process.argv.slice(2) as [string, string, string | undefined]

const measureOne = async (self: Case): Promise<Measurement> => {
  const { fromStart, n, onStore, onThreads, outstanding, seconds } = self
  if (onThreads !== undefined) {
    const { measureThreads } = await import("./threads/measure.ts")
    return measureThreads({ load: onThreads, n, outstanding }, impl)
  }
  if (onStore !== undefined) {
    const { measureDurable } = await import("./durable/measure.ts")
    return measureDurable({ load: onStore, n, outstanding, seconds }, impl)
  }
  if (fromStart !== undefined) {
    const { measureCold } = await import("./cold/measure.ts")
    return measureCold({ load: fromStart, n }, impl)
  }
  const { measure } = await import("./drivers.ts")
  const { implementations } = await import("./implementations/index.ts")
  return measure(self, await implementations[impl]!())
}

console.log(JSON.stringify(await measureOne(speed === "quick" ? quickly(cases[name]!) : cases[name]!)))
process.exit()
