/** A process whose parent is gone must end, even while it computes: nobody is left to kill it. */
import { Worker } from "node:worker_threads"

/**
 * A thread of this process that ends it as soon as it has another parent: at most half a second later. It is text, since a file of its own would
 * be lost where what is spawned is one bundle.
 */
export const endWithParent = (): void => {
  const watcher = new Worker(watch, { eval: true, execArgv: [], env: {}, name: "parent", workerData: process.ppid })
  watcher.unref()
}

const watch = `
const { workerData: parent } = require("node:worker_threads")
const cell = new Int32Array(new SharedArrayBuffer(4))
while (process.ppid === parent) Atomics.wait(cell, 0, 0, 500)
process.kill(process.pid, "SIGKILL")
`
