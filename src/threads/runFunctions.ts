/** What runs on a thread, or in a process, that the user spawns for a pool of promises: it waits for attempts, and runs functions. No Effect comes with it. */
import { runExports } from "./runner/functions.ts"
import * as Port from "./runner/port.ts"

/**
 * Runs functions for whoever has spawned this thread, until that has ended it: `runFunctions(images)`, where `images` is all that a module
 * exports, is all that a file has to do which `threads: { spawn }` of `createPool` starts. Throws in a thread, or process, that nobody has
 * spawned for that.
 */
export const runFunctions = (functions: object): void =>
  runExports(Port.make(), functions as Readonly<Record<string, unknown>>)
