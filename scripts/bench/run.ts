/** One case by one implementation, in this process: prints its measurement as one line of JSON. */
import { cases, quickly } from "./cases.ts"
import { measure } from "./drivers.ts"
import { implementations } from "./implementations/index.ts"
import { measureThreads } from "./threads/measure.ts"
import { threadSubjects } from "./threads/subjects.ts"

const [impl, name, speed] = process.argv.slice(2) as [string, string, string | undefined]
const self = speed === "quick" ? quickly(cases[name]!) : cases[name]!
const { n, onThreads: load, outstanding } = self
const measured =
  load === undefined
    ? measure(self, implementations[impl]!)
    : measureThreads({ load, n, outstanding }, threadSubjects[impl]!)
console.log(JSON.stringify(await measured))
process.exit()
