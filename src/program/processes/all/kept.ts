/** Ends that a process has kept which has gone: whoever was answered 202 there asks for them here. */
import { Clock, Effect } from "effect"
import type { IncomingMessage } from "node:http"
import { problems } from "../../../http/lists.ts"
import * as Problem from "../../../http/problem.ts"
import { tenantHeader } from "../forward.ts"
import { json, told, type Told } from "./voices.ts"

/** One end, as `GET /requests/{id}` tells it. */
export interface End {
  readonly id: string
  /** Whose it is; `""`: nobody's. */
  readonly key: string
  readonly endedAt: number
  readonly text: string
}

export interface Options {
  readonly keepEnds: number
  readonly keepBytes: number
  readonly keepForMillis: number
}

/** Bounded as the ends of one process are; the oldest go first. */
export class Kept {
  private readonly ends = new Map<string, End>()
  private bytes = 0
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  /** Those of one process, the oldest first. */
  add(ends: ReadonlyArray<End>, now: number): void {
    for (const end of ends) {
      this.ends.set(end.id, end)
      this.bytes += end.text.length
    }
    const { keepBytes, keepEnds } = this.options
    for (const end of this.ends.values()) {
      if (this.ends.size <= keepEnds && this.bytes <= keepBytes && !this.isStale(end, now)) return
      this.ends.delete(end.id)
      this.bytes -= end.text.length
    }
  }

  /** What its process would have answered. */
  answer({ headers, method, url }: IncomingMessage): Effect.Effect<Told> {
    return Effect.map(Clock.currentTimeMillis, (now) => {
      const [id, action] = url!.split("?", 1)[0]!.slice("/requests/".length).split("/")
      const end = this.ends.get(id!)
      const tenant = headers[tenantHeader]
      if (end === undefined || (tenant !== undefined && end.key !== tenant)) return told(Problem.unknownId(id!))
      if (this.isStale(end, now)) return told(Problem.gone(id!))
      if (method === "DELETE") return json({ id, cancel: "settled" })
      if (method === "PATCH") return told(problems.started)
      return action === undefined ? { status: 200, text: end.text } : told(problems.noDeadLetter)
    })
  }

  private isStale({ endedAt }: End, now: number): boolean {
    return now - endedAt > this.options.keepForMillis
  }
}
