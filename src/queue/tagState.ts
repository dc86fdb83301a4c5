/** What a queue knows of one request tag. */
import type { BreakerLimit } from "./breaker.ts"
import type { Gate } from "./gate.ts"

export class TagState {
  readonly tag: string
  /** From 0, in the order in which the tags came. */
  readonly index: number
  /** For pauses and times of this tag. */
  gate: Gate | undefined = undefined
  /** Those of limits that count each tag, by the limit's index. */
  readonly gates: Array<Gate | undefined> = []
  heldBack = 0
  /** Its breaker, or those of its keys. */
  breakers: BreakerLimit | undefined = undefined

  constructor(tag: string, index: number) {
    this.tag = tag
    this.index = index
  }
}
