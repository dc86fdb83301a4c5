/** What all processes have counted together, also those that have ended: a count never falls because one has gone. */
import { Effect, type Scope } from "effect"
import type { Crew } from "../crew.ts"
import type { Member } from "../member.ts"
import * as Metrics from "./metrics.ts"
import { added, type Counts, mergePools, onlyEnded, type Pool, type Processes } from "./pool.ts"
import { each, json, refusalAmong, type Told } from "./voices.ts"

/** How old what is known of a process that is killed may be. */
const lookMillis = 5000

export class Counted {
  private readonly crew: Crew
  private readonly policyOf: () => string
  /** Of processes that are there, as they were heard last. */
  private readonly pools = new Map<Member, Pool>()
  private readonly families = new Map<Member, Metrics.Families>()
  /** Of those that have ended. */
  private goneCounts: Counts = {}
  private goneFamilies: Metrics.Families = new Map()
  private ends = 0
  private lost = 0

  constructor(crew: Crew, policyOf: () => string) {
    this.crew = crew
    this.policyOf = policyOf
  }

  /** Looks now and then: what one has counted that is killed is not all gone with it. */
  readonly run: Effect.Effect<void, never, Scope.Scope> = Effect.suspend(() =>
    Effect.asVoid(
      Effect.forkScoped(Effect.forever(Effect.delay(Effect.all([this.hearPools, this.hearMetrics]), lookMillis)))
    )
  )

  readonly pool: Effect.Effect<Told> = Effect.suspend(() =>
    Effect.map(this.hearPools, () => {
      const known = this.crew.there.filter((member) => this.pools.has(member))
      if (known.length === 0) return refusalAmong([])!
      const of = (isServing: boolean) =>
        known
          .filter(({ state }) => (state === "serving") === isServing)
          .map((member) => explained(member, this.pools.get(member)!))
      return json(mergePools(of(true), of(false), this.goneCounts, this.processes, this.policyOf()))
    })
  )

  readonly metrics: Effect.Effect<Told> = Effect.suspend(() =>
    Effect.map(this.hearMetrics, () => {
      const known = this.crew.there.flatMap((member) => this.families.get(member) ?? [])
      if (known.length === 0) return refusalAmong([])!
      const merged = Metrics.format(Metrics.merge(known, [this.goneFamilies]))
      return { status: 200, text: merged + this.own, contentType: "text/plain; version=0.0.4; charset=utf-8" }
    })
  )

  /** By what it has said at its end; by what it was heard to say before, if it was killed. */
  ended(member: Member): Effect.Effect<void> {
    return Effect.suspend(() => {
      const pool = member.last === undefined ? this.pools.get(member) : (JSON.parse(member.last.pool) as Pool)
      const families = member.last === undefined ? this.families.get(member) : Metrics.parse(member.last.metrics)
      this.pools.delete(member)
      this.families.delete(member)
      this.ends++
      if (families !== undefined) this.goneFamilies = Metrics.merge([], [this.goneFamilies, families])
      if (pool === undefined) return Effect.void
      const { counts, lost } = onlyEnded(pool.requests)
      this.goneCounts = added([this.goneCounts, counts])
      this.lost += lost
      return lost === 0
        ? Effect.void
        : Effect.logError(`${lost} requests that process ${member.at + 1} had when it was heard of last are lost`)
    })
  }

  private get processes(): Processes {
    const { options, serving, there } = this.crew
    const members = there.map(({ at, pid, prefix }) => ({ process: at + 1, pid, ids: prefix }))
    return { of: options.of, serving: serving.length, ended: this.ends, lost: this.lost, members }
  }

  private get own(): string {
    const { ended, lost, of, serving } = this.processes
    return [
      ...figure("worker_pool_processes", "gauge", "Processes that are asked for", of),
      ...figure("worker_pool_processes_serving", "gauge", "Processes that take requests", serving),
      ...figure("worker_pool_process_ends_total", "counter", "Processes that have ended", ended),
      ...figure(
        "worker_pool_lost_total",
        "counter",
        "Requests that had not ended when their process was last heard of",
        lost
      ),
      ""
    ].join("\n")
  }

  private readonly hearPools = Effect.suspend(() =>
    this.hear("/pool", (member, text) => this.pools.set(member, JSON.parse(text)))
  )

  private readonly hearMetrics = Effect.suspend(() =>
    this.hear("/metrics", (member, text) => this.families.set(member, Metrics.parse(text)))
  )

  /** One that does not answer, since it computes, counts by what it has said before. */
  private hear(url: string, keep: (member: Member, text: string) => void): Effect.Effect<void> {
    const { crew } = this
    return Effect.map(
      each(crew, crew.there, () => ({ method: "GET", url })),
      (heard) => {
        for (const { answer, member } of heard) {
          if (answer.status === 200 && crew.members.has(member)) keep(member, answer.text)
        }
      }
    )
  }
}

/** Each explains its own number of workers. */
const explained = ({ at }: Member, pool: Pool): Pool => ({ ...pool, explain: `Process ${at + 1}: ${pool.explain}` })

const figure = (name: string, kind: string, help: string, value: number): ReadonlyArray<string> => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${kind}`,
  `${name} ${value}`
]
