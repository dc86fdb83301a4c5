/** One case by one implementation, in this process: prints its measurement as one line of JSON. */
import { cases, quickly } from "./cases.ts"
import { measure } from "./drivers.ts"
import { implementations } from "./implementations/index.ts"
import { measureThreads } from "./threads/measure.ts"
import { threadSubjects } from "./threads/subjects.ts"

const [impl, name, speed] = process.argv.slice(2) as [string, string, string | undefined]
const self = speed === "quick" ? quickly(cases[name]!) : cases[name]!
const { fromStart, n, onStore, onThreads, outstanding, seconds } = self
// What one case needs is loaded for that alone: it would have its part in the memory of the others.
const measured =
  onThreads !== undefined
    ? measureThreads({ load: onThreads, n, outstanding }, threadSubjects[impl]!)
    : onStore !== undefined
      ? (await import("./durable/measure.ts")).measureDurable({ load: onStore, n, outstanding, seconds }, impl)
      : fromStart !== undefined
        ? (await import("./cold/measure.ts")).measureCold({ load: fromStart, n, outstanding }, impl)
        : measure(self, implementations[impl]!)
console.log(JSON.stringify(await measured))
process.exit()
