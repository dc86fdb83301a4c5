/** Nobody but the program ends a run as if all were well: not `process.exit(0)` in a handler, its module, or what they import. */
import { isEnding } from "./process.ts"
import { faultCode, type Stop } from "./stop.ts"

export class ExitGuard {
  /** What the run came to, once that is known. It stands, whatever finalizers do. */
  code: number | undefined
  /** Saves what can be saved in one synchronous step. Answers what is left, in words. */
  save: () => string = () => "nothing was run"

  /** For the rest of the process. */
  constructor(stop: Stop) {
    process.on("exit", (code) => {
      // The program's own, or forced by somebody outside.
      if (isEnding() || (stop.reason !== undefined && code !== 0)) return
      if (this.code !== undefined) {
        process.exitCode = this.code
        return
      }
      const left = this.save()
      process.stderr.write(
        `\nworker-pool: process.exit(${code}) was called by a handler, its module, or what they import: ${left}\n`
      )
      process.exitCode = faultCode
    })
  }
}
