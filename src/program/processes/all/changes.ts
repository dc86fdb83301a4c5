/** What is changed in all processes, each its share; one that is started later hears of it, until all are replaced. */
import { Effect, Schema } from "effect"
import { parsePolicy } from "../../settings/policyFlag.ts"
import { invalid, type Problem } from "../../../http/problem.ts"
import type { Asked } from "../ask.ts"
import { countsOfPolicy, sharedChange, sharedPolicy, shareOf, undividable } from "../shares.ts"

interface Levers {
  readonly minWorkers?: number
  readonly maxWorkers?: number
  readonly policy?: string
  readonly hold?: number | null
  readonly paused?: boolean
}

type LimitChange = Parameters<typeof undividable>[0]

const asJson = { "content-type": "application/json" }

/** The members of a body that are divided; all else is for the processes to refuse. */
const ofPool = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      minWorkers: Schema.optionalKey(Schema.Int),
      maxWorkers: Schema.optionalKey(Schema.Int),
      policy: Schema.optionalKey(Schema.String),
      hold: Schema.optionalKey(Schema.NullOr(Schema.Int)),
      paused: Schema.optionalKey(Schema.Boolean)
    })
  ),
  { onExcessProperty: "error" }
)
const ofLimit = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      concurrency: Schema.optionalKey(Schema.Union([Schema.Int, Schema.Literal("none")])),
      rate: Schema.optionalKey(
        Schema.Union([
          Schema.Struct({
            limit: Schema.Int,
            period: Schema.Union([Schema.Finite, Schema.String]),
            burst: Schema.optionalKey(Schema.Int)
          }),
          Schema.Literal("none")
        ])
      )
    })
  ),
  { onExcessProperty: "error" }
)

export class Changes {
  private levers: Levers = {}
  private readonly limits = new Map<string, LimitChange>()
  private readonly pauses = new Map<string, string>()
  private readonly of: number

  constructor(of: number) {
    this.of = of
  }

  /** Of the policy as it was asked for. */
  get policy(): string | undefined {
    return this.levers.policy
  }

  /** Hands back what brings it back, for when nothing came of what it was forgotten for. What is changed meanwhile stays. */
  forget(): () => void {
    const [levers, limits, pauses] = [this.levers, [...this.limits], [...this.pauses]]
    this.levers = {}
    this.limits.clear()
    this.pauses.clear()
    return () => {
      this.levers = { ...levers, ...this.levers }
      for (const [name, change] of limits) this.limits.set(name, { ...change, ...this.limits.get(name) })
      for (const [query] of pauses) this.pauses.set(query, query)
    }
  }

  /** What each has to be asked, or why it cannot be divided. `bounds` are those in force. */
  patch(
    body: string,
    bounds: { readonly minWorkers: number; readonly maxWorkers: number }
  ): Effect.Effect<(at: number) => string, Problem> {
    return Effect.gen({ self: this }, function* () {
      const { of } = this
      const levers = ofPool(body)
      if (levers._tag === "None") return () => body
      const wanted: Levers = levers.value
      const { hold, maxWorkers, policy } = wanted
      const least = wanted.minWorkers ?? bounds.minWorkers
      const most = maxWorkers ?? bounds.maxWorkers
      if (maxWorkers !== undefined && maxWorkers < of) return yield* small("maxWorkers", of, maxWorkers)
      if (least > most) {
        const field = wanted.minWorkers === undefined ? "maxWorkers" : "minWorkers"
        return yield* Effect.fail(
          invalid(field, `Expected \`minWorkers\` to be at most \`maxWorkers\`, got ${least} and ${most}`)
        )
      }
      if (typeof hold === "number" && (hold < least || hold > most)) {
        return yield* Effect.fail(invalid("hold", `Expected \`hold\` to be from ${least} to ${most}, got ${hold}`))
      }
      if (policy !== undefined) {
        // What it says wrong is said of what was sent, and not of a share of it.
        yield* Effect.mapError(parsePolicy(policy), ({ message }) =>
          invalid("policy", message.replaceAll("--policy", "`policy`"))
        )
        for (const count of countsOfPolicy(policy)) if (count < of) return yield* small("policy", of, count)
      }
      return (at: number) => this.shareOf(wanted, at)
    })
  }

  kept(body: string): void {
    const levers = ofPool(body)
    if (levers._tag === "None") return
    const kept: Levers = { ...this.levers, ...levers.value }
    const { hold, maxWorkers = Infinity, minWorkers = 0 } = kept
    // As a pool does, which has it within its bounds: else a process that comes later would refuse all that was changed.
    this.levers = typeof hold === "number" ? { ...kept, hold: Math.max(minWorkers, Math.min(maxWorkers, hold)) } : kept
  }

  limit(name: string, body: string): Effect.Effect<(at: number) => string, Problem> {
    const change = ofLimit(body)
    if (change._tag === "None") return Effect.succeed(() => body)
    const too = undividable(change.value, this.of)
    if (too !== undefined) return small(too.field, this.of, too.got)
    return Effect.succeed((at) => JSON.stringify(sharedChange(change.value, at, this.of)))
  }

  keptLimit(name: string, body: string): void {
    const change = ofLimit(body)
    if (change._tag === "Some") this.limits.set(name, { ...this.limits.get(name), ...change.value })
  }

  /** `query`: of which part. */
  keptPause(query: string, isPaused: boolean): void {
    if (isPaused) this.pauses.set(query, query)
    else this.pauses.delete(query)
  }

  /** What a process that was started after all this has to be asked. */
  askedOf(at: number): ReadonlyArray<Asked> {
    const asked: Array<Asked> = []
    if (Object.keys(this.levers).length > 0) {
      asked.push({ method: "PATCH", url: "/pool", headers: asJson, body: this.shareOf(this.levers, at) })
    }
    for (const [name, change] of this.limits) {
      const body = JSON.stringify(sharedChange(change, at, this.of))
      asked.push({ method: "PATCH", url: `/pool/limits/${name}`, headers: asJson, body })
    }
    for (const query of this.pauses.keys()) asked.push({ method: "POST", url: `/pool/pause?${query}` })
    return asked
  }

  private shareOf(levers: Levers, at: number): string {
    const { hold, maxWorkers, minWorkers, policy } = levers
    const share = (total: number) => shareOf(total, at, this.of)
    return JSON.stringify({
      ...levers,
      ...(minWorkers !== undefined && { minWorkers: share(minWorkers) }),
      ...(maxWorkers !== undefined && { maxWorkers: share(maxWorkers) }),
      ...(typeof hold === "number" && { hold: share(hold) }),
      ...(policy !== undefined && { policy: sharedPolicy(policy, at, this.of) })
    })
  }
}

const small = (field: string, of: number, got: number): Effect.Effect<never, Problem> =>
  Effect.fail(invalid(field, `Expected \`${field}\` to be at least ${of}, one for each of ${of} processes, got ${got}`))
