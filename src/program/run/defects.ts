/** Tells each kind of defect once, with its stack and its causes: the outcomes have one line of text for each. */
import { Cause, Exit } from "effect"
import { Defect, type Outcome } from "../../index.ts"

/** So many kinds are told. */
const kindLimit = 10

export class Defects {
  /** Requests that ended with one. */
  count = 0
  private readonly told = new Set<string>()
  private readonly print: (text: string) => void

  constructor(print: (text: string) => void) {
    this.print = print
  }

  see({ end, exit, id, tag }: Outcome.Outcome): void {
    if (end !== "failed" || Exit.isSuccess(exit) || !Cause.hasDies(exit.cause)) return
    this.count++
    if (this.told.size > kindLimit) return
    const kind = `${tag} ${Defect.kindOf(Cause.squash(exit.cause))}`
    if (this.told.has(kind)) return
    this.told.add(kind)
    this.print(
      this.told.size > kindLimit
        ? "worker-pool: there are other kinds of defects; no more are told"
        : `worker-pool: the handler of "${tag}" died (request ${id}): ${Defect.pretty(exit.cause)}`
    )
  }
}
