/** What is on the threads of a bundled program without Effect. */
import { runFunctions } from "effect-worker-pool/runFunctions"
import * as functions from "./functions.ts"

runFunctions(functions)
