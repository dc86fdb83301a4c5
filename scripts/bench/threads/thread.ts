/** What is bundled for this pool's threads: one file with all that it needs. */
import * as ThreadRunner from "../../../src/threads/ThreadRunner.ts"
import { group, layer } from "./handlers.ts"

ThreadRunner.run(group, layer)
