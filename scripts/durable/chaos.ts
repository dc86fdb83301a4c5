/**
 * Puts a durable pool through what must not hurt it, with real processes, and says whether it did.
 *
 * `npm run durable:chaos -- postgres` kills one of four processes every five seconds, and takes the server away twice; `embedded` kills
 * a process that is alone twenty times, every other time with its server; `rolling` stops all processes in turn under a load by HTTP;
 * `frozen` stops one in the middle of its work for longer than its claims last; `poison` has a request that ends whoever runs it.
 *
 * `--requests N`, `--rate N` per second, `--every MILLIS` between kills, `--json FILE`. The server is one of its own in a temporary
 * folder; with `DATABASE_URL` another one, which it hurts by the commands in `WORKER_POOL_STOP` and `WORKER_POOL_START` if they are
 * given. Its tables in the schema `worker_pool` must not be there.
 */
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { alone } from "./alone.ts"
import { frozen } from "./frozen.ts"
import { killing } from "./killing.ts"
import { poison } from "./poison.ts"
import { rolling } from "./rolling.ts"
import { givenServer, startServer } from "./server.ts"
import { tell } from "./tell.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: "string" },
    rate: { type: "string" },
    every: { type: "string", default: "5000" },
    kills: { type: "string", default: "20" },
    json: { type: "string" }
  }
})
const requests = Number(values.requests ?? 100_000)
const url = process.env["DATABASE_URL"]

const withServer = async <A>(trial: (server: Awaited<ReturnType<typeof startServer>>) => Promise<A>): Promise<A> => {
  const server = url === undefined ? await startServer() : givenServer(url)
  try {
    return await trial(server)
  } finally {
    await server.close()
  }
}

const trials = {
  postgres: () =>
    withServer((server) =>
      killing(server, { requests, rate: Number(values.rate ?? 1_500), processes: 4, everyMillis: Number(values.every) })
    ),
  embedded: () => alone({ requests, rate: Number(values.rate ?? 1_250), kills: Number(values.kills) }),
  rolling: () => withServer((server) => rolling(server, { rate: Number(values.rate ?? 150) })),
  frozen: () => withServer(frozen),
  poison: () => withServer(poison)
}

const name = positionals[0] ?? "postgres"
if (!(name in trials)) {
  console.error(`expected one of ${Object.keys(trials).join(", ")}, got "${name}"`)
  process.exit(2)
}
const result = await trials[name as keyof typeof trials]()
tell(name, result)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`)
process.exit(result.isFine ? 0 : 1)
