/** What the process that started and those that serve tell each other, beside what goes over their sockets. */
import type { Signal } from "../process/stop.ts"

/** Given to a process that serves, in its environment. */
export interface Part {
  /** Which one it is, from 0, of how many. */
  readonly at: number
  readonly of: number
  /** The folder of all sockets: nobody else may enter it. */
  readonly folder: string
  /** What its ids begin with, before the dash, and what its socket is called. */
  readonly prefix: string
  /** Where it listens, when it was asked to take any port that is free. */
  readonly port: number
  /** Whether calls recur here from the start. */
  readonly recurs: boolean
}

export const variable = "EFFECT_WORKER_POOL_PROCESS"

/** The private socket of the process with that prefix. */
export const socketOf = (folder: string, prefix: string): string => `${folder}/${prefix}.sock`
/** That of the process that started, which answers for all. */
export const socketOfAll = (folder: string): string => `${folder}/all.sock`

/** On that one alone: ends that a process has kept which is about to go. */
export const keptPath = "/-/kept"

export type FromPrimary =
  /** It has been told what holds, and opens its listener. */
  | { readonly type: "open" }
  /** The prefixes of those that take requests, each in its place; `null` where there is none now. */
  | { readonly type: "serving"; readonly prefixes: ReadonlyArray<string | null> }
  /** From now on calls recur here. */
  | { readonly type: "recur" }
  | { readonly type: "stop"; readonly signal: Signal }

export type FromProcess =
  /** Its private socket answers. */
  | { readonly type: "ready" }
  | { readonly type: "listening"; readonly url: string }
  /** It takes no more requests from outside, and another one may take its place. */
  | { readonly type: "leaving" }
  /** The last that it has counted: answers of `GET /pool` and `GET /metrics`. */
  | { readonly type: "last"; readonly pool: string; readonly metrics: string }
