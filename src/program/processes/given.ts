/** Connections that a process was given and has not taken: when it dies, another one has them. */
import type { Worker } from "node:cluster"

interface Connection {
  readonly close: () => void
}

interface Told {
  readonly act?: string
  readonly seq?: number
  readonly ack?: number
}

/**
 * Node gives a process one connection after the other, each once it has said that it has the one before. One that is killed says
 * no more, and Node would keep that connection open, for ever and for nobody. So it is said here that it was not taken; where
 * nobody is left to take it, it is closed.
 */
export const giveToOthers = (worker: Worker, areOthers: () => boolean): void => {
  const { process: child } = worker
  const given = new Map<number, Connection>()
  const send = child.send as (...args: Array<unknown>) => boolean
  child.send = (...args: Array<unknown>) => {
    const [{ act, seq }, connection] = args as unknown as [Told, Connection | undefined]
    if (act === "newconn" && seq !== undefined && connection !== undefined) given.set(seq, connection)
    return send.apply(child, args)
  }
  child.on("internalMessage", ({ ack }: Told) => {
    if (ack !== undefined) given.delete(ack)
  })
  const handBack = (): void => {
    // What it has said to the last has not been heard yet.
    if (child.connected) return void setImmediate(handBack)
    for (const [ack, connection] of given) {
      if (areOthers()) child.emit("internalMessage", { cmd: "NODE_CLUSTER", ack, accepted: false }, undefined)
      else connection.close()
    }
    given.clear()
  }
  // There is no `disconnect` of one that has died with a connection on its way to it.
  child.once("exit", handBack)
}
