/** The variables of the environment that begin with `WORKER_POOL_`: one that nobody reads is a mistake, and told. */
import { Effect } from "effect"
import { BadUsage } from "../errors.ts"
import { names, variableOf } from "./table.ts"

export type Environment = Readonly<Record<string, string | undefined>>

const known = names.map(variableOf)

/** Read by others: by `PoolConfig.config` in a handlers module, and by clients of the service. */
const others = ["WORKER_POOL_ID_PREFIX", "WORKER_POOL_URL"]

/** What Kubernetes sets in each pod for a Service that is called `worker-pool`, or something longer. */
const ofKubernetes = /^WORKER_POOL_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)$/
const portOfKubernetes = /^(tcp|udp|sctp):\/\//

export const checkEnvironment = (environment: Environment): Effect.Effect<void, BadUsage> => {
  const unknown = Object.keys(environment).filter(
    (name) =>
      name.startsWith("WORKER_POOL_") &&
      ![...known, ...others].includes(name) &&
      !ofKubernetes.test(name) &&
      !(name.endsWith("_PORT") && portOfKubernetes.test(environment[name] ?? ""))
  )
  if (unknown.length === 0) return Effect.void
  const got = unknown.map((name) => {
    const meant = known.find((other) => bare(other) === bare(name))
    return meant === undefined ? name : `${name} (${meant} is meant?)`
  })
  return new BadUsage({
    reason: `Expected the environment to have no unknown WORKER_POOL_ variables, got ${got.join(", ")}; known are ${known.join(", ")}`
  })
}

const bare = (name: string): string => name.replaceAll("_", "")
