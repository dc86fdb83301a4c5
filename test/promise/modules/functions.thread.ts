/** What a test spawns itself, with options of its own. */
import { runFunctions } from "../../../src/threads/runFunctions.ts"
import * as functions from "./functions.ts"

runFunctions(functions)
