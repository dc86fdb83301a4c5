/** What a test spawns itself, with options of its own. */
import * as ThreadRunner from "../../../src/threads/ThreadRunner.ts"
import { group, layer } from "./crashing.ts"

ThreadRunner.run(group, layer)
