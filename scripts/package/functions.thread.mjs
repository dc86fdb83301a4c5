/** What `consumer.mjs` spawns. */
import { runFunctions } from "effect-worker-pool/runFunctions"

runFunctions({ double: (n) => 2 * n })
