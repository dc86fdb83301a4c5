/** One case by one implementation, in this process: prints its measurement as one line of JSON. */
import { cases, quickly } from "./cases.ts"
import { measure } from "./drivers.ts"
import { measureDurable } from "./durable/measure.ts"
import { implementations } from "./implementations/index.ts"
import { measureThreads } from "./threads/measure.ts"
import { threadSubjects } from "./threads/subjects.ts"

const [impl, name, speed] = process.argv.slice(2) as [string, string, string | undefined]
const self = speed === "quick" ? quickly(cases[name]!) : cases[name]!
const { n, onStore, onThreads, outstanding, seconds } = self
const measured =
  onThreads !== undefined
    ? measureThreads({ load: onThreads, n, outstanding }, threadSubjects[impl]!)
    : onStore !== undefined
      ? measureDurable({ load: onStore, n, outstanding, seconds }, impl)
      : measure(self, implementations[impl]!)
console.log(JSON.stringify(await measured))
process.exit()
