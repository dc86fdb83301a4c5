/** The same, to be spawned; bundled, it is one file. */
import * as ThreadRunner from "effect-worker-pool/ThreadRunner"
import { group, layer } from "./handlers.ts"

ThreadRunner.run(group, layer)
