/** `GET /events` of all processes: their points as those of one, each second, and what happens in each, as it happens. */
import { Clock, Effect, type Scope } from "effect"
import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from "node:http"
import { beat, hasSeen, names, textOf } from "../../../http/eventHub.ts"
import type { Decision, Point } from "../../../http/points.ts"
import { invalid } from "../../../http/problem.ts"
import { securityHeaders, sendProblem } from "../../../http/send.ts"
import type { Member } from "../member.ts"
import { socketOf } from "../messages.ts"
import { mergePoints } from "./pool.ts"

const mostStreams = 100
const mostUnread = 1024 ** 2
const mostPoints = 600
const mostDecisions = 100
const beatMillis = 15_000

interface Watcher {
  readonly response: ServerResponse
  readonly wanted: ReadonlySet<string>
}

interface Seen<A> {
  readonly number: number
  readonly data: A
}

export class Events {
  private readonly watchers = new Set<Watcher>()
  private readonly points: Array<Seen<Point>> = []
  private readonly decisions: Array<Seen<Decision>> = []
  /** The last point of each process that is there. */
  private readonly latest = new Map<Member, Point>()
  /** What is asked of each, by what for: the second kind only while somebody wants it. */
  private readonly followed = new Map<
    Member,
    { seen: ClientRequest | undefined; happened: ClientRequest | undefined }
  >()
  private number = 0
  private readonly folder: string
  private readonly prefix: string
  private readonly policyOf: () => string

  constructor(folder: string, prefix: string, policyOf: () => string) {
    this.folder = folder
    this.prefix = prefix
    this.policyOf = policyOf
  }

  readonly run: Effect.Effect<void, never, Scope.Scope> = Effect.gen({ self: this }, function* () {
    const second = Effect.map(Clock.currentTimeMillis, (at) => this.look(at))
    yield* Effect.forkScoped(Effect.forever(Effect.delay(second, "1 second")))
    const alive = Effect.sync(() => this.watchers.forEach((watcher) => this.write(watcher, beat)))
    yield* Effect.forkScoped(Effect.forever(Effect.delay(alive, beatMillis)))
  })

  /** A process is there: what it sees is told from now on. */
  follow(member: Member): void {
    const seen = this.ask(member, ["point", "decision"], (name, text) => {
      if (name === "point") this.latest.set(member, JSON.parse(text) as Point)
      if (name === "decision") this.decided(member, JSON.parse(text) as Decision)
    })
    this.followed.set(member, { seen, happened: undefined })
    this.followAsWanted()
  }

  unfollow(member: Member): void {
    this.followed.get(member)?.seen?.destroy()
    this.followed.get(member)?.happened?.destroy()
    this.followed.delete(member)
    this.latest.delete(member)
  }

  /** `closing`: each stream ends; a browser then asks again. */
  end(): void {
    for (const { response } of this.watchers) response.end()
  }

  watch(asked: IncomingMessage, response: ServerResponse): void {
    const only = new URLSearchParams(asked.url?.split("?", 2)[1] ?? "").get("only")
    const wanted = only === null ? names : only.split(",").map((name) => name.trim())
    const unknown = wanted.find((name) => !names.includes(name))
    if (unknown !== undefined) {
      const detail = `Expected \`only\` to have names of events (${names.join(", ")}), got "${unknown.slice(0, 40)}"`
      return sendProblem(response, invalid("only", detail))
    }
    if (this.watchers.size >= mostStreams) {
      const detail = `${mostStreams} streams of events are open, and there are no more`
      const headers = { "retry-after": "10" }
      return sendProblem(response, {
        status: 503,
        kind: "too-many-streams",
        title: "Service Unavailable",
        detail,
        headers
      })
    }
    response.writeHead(200, {
      "content-type": "text/event-stream",
      ...securityHeaders,
      "x-accel-buffering": "no"
    })
    const watcher: Watcher = { response, wanted: new Set(wanted) }
    this.watchers.add(watcher)
    response.on("close", () => {
      this.watchers.delete(watcher)
      this.followAsWanted()
    })
    this.write(watcher, hasSeen(wanted) ? this.historySince(asked.headers["last-event-id"], watcher.wanted) : beat)
    this.followAsWanted()
  }

  private historySince(lastEventId: string | string[] | undefined, wanted: ReadonlySet<string>): string {
    const [prefix, number] = String(lastEventId ?? "").split("-")
    const from = prefix === this.prefix && /^\d+$/.test(number ?? "") ? Number(number) : 0
    const of = <A>(name: string, seen: ReadonlyArray<Seen<A>>) =>
      wanted.has(name) ? seen.flatMap(({ data, number }) => (number > from ? [data] : [])) : []
    const data = { points: of("point", this.points), decisions: of("decision", this.decisions) }
    return textOf("history", data, `${this.prefix}-${this.number}`)
  }

  private look(at: number): void {
    // One that has just come has seen nothing yet: what is told would be less than there is.
    if (this.latest.size === 0 || this.latest.size < this.followed.size) return
    const members = [...this.latest.keys()]
    const serving = members.filter(({ state }) => state === "serving").map((member) => this.latest.get(member)!)
    const data = mergePoints([...this.latest.values()], serving, at, this.policyOf())
    keep(this.points, mostPoints, { number: ++this.number, data })
    this.tell("point", textOf("point", data, `${this.prefix}-${this.number}`))
  }

  private decided({ at }: Member, decision: Decision): void {
    const data = { ...decision, process: at + 1, sentence: `Process ${at + 1}: ${decision.sentence}` }
    keep(this.decisions, mostDecisions, { number: ++this.number, data })
    this.tell("decision", textOf("decision", data, `${this.prefix}-${this.number}`))
  }

  private tell(name: string, text: string): void {
    for (const watcher of this.watchers) if (watcher.wanted.has(name)) this.write(watcher, text)
  }

  private write({ response }: Watcher, text: string): void {
    // Who reads too slowly is not waited for.
    if (response.writableLength > mostUnread) response.destroy()
    else response.write(text)
  }

  /** A pool makes no event for nobody. */
  private followAsWanted(): void {
    const wanted = names.filter((name) => name !== "point" && name !== "decision")
    const isWanted = [...this.watchers].some((watcher) => wanted.some((name) => watcher.wanted.has(name)))
    for (const [member, followed] of this.followed) {
      if (isWanted) followed.happened ??= this.ask(member, wanted, (name, _, block) => this.tell(name, `${block}\n\n`))
      else {
        followed.happened?.destroy()
        followed.happened = undefined
      }
    }
  }

  private ask(
    member: Member,
    only: ReadonlyArray<string>,
    heard: (name: string, data: string, block: string) => void
  ): ClientRequest {
    const asked = request(
      { socketPath: socketOf(this.folder, member.prefix), path: `/events?only=${only.join()}` },
      (answer) => {
        let rest = ""
        answer.setEncoding("utf8").on("data", (text: string) => {
          const blocks = (rest + text).split("\n\n")
          rest = blocks.pop()!
          for (const block of blocks) {
            const name = /^event: (.*)$/m.exec(block)?.[1]
            const data = /^data: (.*)$/m.exec(block)?.[1]
            if (name !== undefined && name !== "history" && data !== undefined) heard(name, data, block)
          }
        })
        answer.on("error", () => undefined)
      }
    )
    // It has ended: that is told apart.
    asked.on("error", () => (only.includes("point") ? this.unfollow(member) : undefined))
    asked.end()
    return asked
  }
}

const keep = <A>(kept: Array<A>, most: number, one: A): void => {
  kept.push(one)
  if (kept.length > most) kept.shift()
}
