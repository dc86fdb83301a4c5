/** Nobody but the program ends a command as if all were well: not `process.exit` in a handler, its module, or what they import. */
import { isEnding } from "./end.ts"
import { faultCode } from "./stop.ts"

export class ExitGuard {
  /** What a run came to, once that is known. It stands, whatever finalizers do. */
  code: number | undefined
  /** Saves what can be saved in one synchronous step. Answers what is left, in words. */
  save: () => string = () => "nothing was run"

  /** For the rest of the process. `say` is how the command tells what it has to tell. */
  constructor(say: (text: string) => void) {
    process.on("exit", (code) => {
      // The program's own, also where somebody outside has forced it.
      if (isEnding()) return
      if (this.code !== undefined) {
        process.exitCode = this.code
        return
      }
      const left = this.save()
      say(`process.exit(${code}) was called by a handler, its module, or what they import: ${left}`)
      process.exitCode = faultCode
    })
  }
}
