/** The same handlers as one file that is bundled: a thread starts with it in a tenth of a second. */
import * as ThreadRunner from "../../src/threads/ThreadRunner.ts"
import { group, layer } from "./handlers.ts"

ThreadRunner.run(group, layer)
