/** One case by one implementation, in this process: prints its measurement as one line of JSON. */
import { cases, quickly } from "./cases.ts"
import { measure } from "./drivers.ts"
import { implementations } from "./implementations/index.ts"

const [impl, name, speed] = process.argv.slice(2) as [string, string, string | undefined]
const self = cases[name]!
console.log(JSON.stringify(await measure(speed === "quick" ? quickly(self) : self, implementations[impl]!)))
process.exit()
