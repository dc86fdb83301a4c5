/** What a thread tells besides how its attempts end, and how much of that: what would flood the other side is dropped here. */
import { Backlog, mostUntaken } from "../backlog.ts"
import { type Begin, From, type Report } from "../messages.ts"
import type { Port } from "./port.ts"

export class Outbox {
  private readonly port: Port
  /** By a process nothing is shared: there only what waits to be written is known. */
  private readonly isShared: boolean
  private readonly backlog: Backlog
  private isFull = false

  constructor(port: Port, { backlog }: Pick<Begin, "backlog">) {
    this.port = port
    this.isShared = backlog !== undefined
    this.backlog = new Backlog(backlog)
  }

  /** Asked before something is told that may be dropped. If not it counts as dropped. */
  hasRoom(): boolean {
    // Not at once for each that is taken: most of what is told would be of what was dropped.
    this.isFull = this.isShared
      ? this.backlog.untaken >= (this.isFull ? mostUntaken / 2 : mostUntaken)
      : this.port.isFull()
    if (this.isFull) {
      this.backlog.drop()
      return false
    }
    this.tellDropped()
    return true
  }

  /** Says how many were dropped, if any were. */
  tellDropped(): void {
    const dropped = this.backlog.takeDropped()
    if (dropped > 0) this.tell([From.dropped, dropped])
  }

  /** Whether it could be sent. What cannot is none of the handler's business. */
  tell(report: Report): boolean {
    this.backlog.post()
    try {
      this.port.post(report)
      return true
    } catch {
      this.backlog.take()
      return false
    }
  }
}
