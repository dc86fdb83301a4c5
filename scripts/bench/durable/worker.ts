/** One process that works on what is stored, for `measure.ts`, which speaks to it by messages. */
import { Client } from "pg"
import { durableSubjects } from "./subjects.ts"

const [impl, url] = process.argv.slice(2) as [string, string]
const send = (message: unknown) => process.send!(message)

// Every statement of a process goes through it.
let queries = 0
const { query } = Client.prototype
Client.prototype.query = function (this: Client, ...args: Array<unknown>) {
  queries++
  return (query as (...args: Array<unknown>) => unknown).apply(this, args)
} as typeof query

const worker = await durableSubjects[impl]!.openWorker(url, (ended) => send({ ended }))
process.on("message", (message) => {
  if (message === "begin") void worker.begin().then(() => send("done"))
  if (message === "halt") void worker.halt().then(() => send("done"))
  if (message === "queries") send({ queries })
  if (message === "close") void worker.close().then(() => process.exit(0))
})
process.on("disconnect", () => process.exit(1))
send("ready")
