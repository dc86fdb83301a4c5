/**
 * Breakers under random sequences of what can happen to attempts, against plain lists: who may start, what each end changes, and that
 * none stays shut. `BREAKER_SEEDS=10000 npx vitest run test/queue/breakerModel.test.ts` runs ten thousand.
 */
import { assert, describe, it } from "@effect/vitest"
import { Exit } from "effect"
import * as CircuitBreaker from "../../src/CircuitBreaker.ts"
import { FairQueue } from "../../src/queue/fairQueue.ts"
import type { RankedRequest } from "../../src/queue/ranked.ts"
import { type Random, randomOf } from "../support/random.ts"
import { disciplineOf, NotedAlarm, requestOf } from "./support.ts"

const seeds = Number(process.env["BREAKER_SEEDS"] ?? 400)
const first = Number(process.env["BREAKER_FIRST_SEED"] ?? 1)

/** One breaker, as its documentation says it. */
class Naive {
  state: CircuitBreaker.State = "Closed"
  opensAt = 0
  /** Which life of it that is: whatever belongs to another tells nothing. */
  life = 0
  probing = new Set<RankedRequest>()
  succeeded = 0
  outcomes: Array<boolean> = []
  readonly options: CircuitBreaker.CircuitBreaker

  constructor(options: CircuitBreaker.CircuitBreaker) {
    this.options = options
  }

  mayStart(now: number): boolean {
    if (this.state === "Closed") return true
    if (this.state === "Open") return now >= this.opensAt
    return this.probing.size + this.succeeded < this.options.probes
  }

  start(request: RankedRequest): number {
    if (this.state === "Open") this.state = "HalfOpen"
    if (this.state === "HalfOpen") this.probing.add(request)
    return this.life
  }

  hear(request: RankedRequest, life: number, says: CircuitBreaker.Classification, now: number): void {
    if (life !== this.life) return
    if (this.state === "HalfOpen") {
      assert.isTrue(this.probing.delete(request))
      if (says === "Failure") this.open(now)
      if (says === "Success" && ++this.succeeded === this.options.probes) this.renew("Closed")
    } else if (says !== "Ignored") {
      this.outcomes.push(says === "Failure")
      if (this.trips()) this.open(now)
    }
  }

  private trips(): boolean {
    const { tripPolicy } = this.options
    if (tripPolicy._tag === "Consecutive") {
      const last = this.outcomes.slice(-tripPolicy.failures)
      return last.length === tripPolicy.failures && last.every((failed) => failed)
    }
    const last = this.outcomes.slice(-tripPolicy.size)
    const failed = last.filter((failed) => failed).length
    return last.length >= tripPolicy.minimumCalls && failed / last.length >= tripPolicy.threshold
  }

  private open(now: number): void {
    this.renew("Open")
    this.opensAt = now + this.options.openMillis
  }

  private renew(state: CircuitBreaker.State): void {
    this.state = state
    this.life++
    this.probing = new Set()
    this.succeeded = 0
    this.outcomes = []
  }
}

const optionsOf = (random: Random): CircuitBreaker.CircuitBreaker =>
  CircuitBreaker.make({
    tripPolicy: random.of([
      CircuitBreaker.consecutive(1 + random.below(3)),
      CircuitBreaker.rate({ threshold: 0.5, size: 1 + random.below(4), minimumCalls: 1 })
    ]),
    openDuration: 1 + random.below(30),
    probes: 1 + random.below(3),
    per: random.of(["tag", "key"])
  })

const exits = { Success: Exit.void, Failure: Exit.fail("no"), Ignored: Exit.interrupt() } as const
const says = ["Success", "Failure", "Ignored"] as const

interface Running {
  readonly request: RankedRequest
  readonly model: Naive
  readonly life: number
  /** It has said already how it went, and goes on. */
  told: boolean
}

const runSeed = (seed: number): { readonly opened: number; readonly stale: number } => {
  const random = randomOf(seed)
  const options = new Map(["A", "B"].map((tag) => [tag, optionsOf(random)]))
  const alarm = new NotedAlarm()
  const queue = new FairQueue(disciplineOf({ breakerOf: (tag) => options.get(tag) }), alarm)
  const models = new Map<string, Naive>()
  const modelOf = ({ key, tag }: RankedRequest): Naive => {
    const of = options.get(tag)!
    const id = of.per === "key" ? `${tag} ${key}` : tag
    if (!models.has(id)) models.set(id, new Naive(of))
    return models.get(id)!
  }
  const waiting = new Set<RankedRequest>()
  const running: Array<Running> = []
  let now = 0
  let opened = 0
  let stale = 0

  const push = () => {
    const request = requestOf({ tag: random.of(["A", "B"]), key: random.of(["", "k", "l"]) }, now)
    request.phase = "waiting"
    waiting.add(request)
    queue.push(request, now)
  }
  const take = (): boolean => {
    const request = queue.take(now) as RankedRequest | undefined
    if (request === undefined) {
      for (const one of waiting) {
        const model = modelOf(one)
        assert.isFalse(model.mayStart(now), `seed ${seed}: one of ${one.tag} could start at ${now}`)
        if (model.state === "Open") assert.isAtMost(alarm.at, model.opensAt, `seed ${seed}: nobody rings`)
      }
      return false
    }
    waiting.delete(request)
    const model = modelOf(request)
    assert.isTrue(model.mayStart(now), `seed ${seed}: ${request.tag} starts at ${now} in ${model.state}`)
    request.phase = "running"
    running.push({ request, model, life: model.start(request), told: false })
    return true
  }
  const tell = (one: Running, what: CircuitBreaker.Classification) => {
    if (one.told) return
    one.told = true
    if (one.life !== one.model.life) stale++
    const before = one.model.state
    one.model.hear(one.request, one.life, what, now)
    if (before !== "Open" && one.model.state === "Open") opened++
  }
  const end = (at: number, what: CircuitBreaker.Classification, again: boolean) => {
    const [one] = running.splice(at, 1) as [Running]
    const { request } = one
    tell(one, what)
    if (request.phase === "running") request.phase = again ? "delayed" : "ended"
    queue.gates.judge(request, exits[what], true, now)
    queue.ended(request, 1, now)
    if (request.phase !== "delayed") return queue.settled(request, now)
    request.phase = "waiting"
    waiting.add(request)
    queue.push(request, now)
  }
  const check = () => {
    for (const tag of ["A", "B"]) {
      for (const key of ["", "k", "l"]) {
        const gate = queue.gates.breakerOf(tag, queue.flows.find(key))
        const of = options.get(tag)!
        const model = models.get(of.per === "key" ? `${tag} ${key}` : tag)
        assert.strictEqual(gate?.state ?? "Closed", model?.state ?? "Closed", `seed ${seed} at ${now}: ${tag} ${key}`)
      }
    }
  }

  for (let step = 0; step < 150; step++) {
    const chance = random.next()
    if (chance < 0.25) push()
    else if (chance < 0.5) take()
    else if (chance < 0.6) now += random.below(20)
    else if (running.length > 0) {
      const at = random.below(running.length)
      const one = running[at]!
      if (chance < 0.85) end(at, random.of(says), random.next() < 0.3)
      else if (chance < 0.92 && one.request.phase === "running") {
        // Its timeout: it goes on, and may be stuck for long.
        tell(one, "Failure")
        queue.gates.judge(one.request, exits.Failure, false, now)
      } else if (one.request.phase === "running") {
        // Cancelled, expired or drained: its request has its end, and its attempt goes on.
        tell(one, "Ignored")
        one.request.phase = "ended"
        queue.settled(one.request, now)
      }
    } else if (waiting.size > 0 && chance > 0.9) {
      const request = [...waiting][random.below(waiting.size)]!
      waiting.delete(request)
      queue.remove(request, now)
    }
    check()
  }
  // Whatever goes on, some of it for ever: what waits gets through as soon as attempts succeed again.
  for (const one of running) {
    if (one.request.phase !== "running") continue
    tell(one, "Ignored")
    one.request.phase = "ended"
    queue.settled(one.request, now)
  }
  const stuck = running.splice(0)
  for (let round = 0; waiting.size > 0; round++) {
    assert.isBelow(round, 200, `seed ${seed}: ${waiting.size} wait for ever`)
    while (take()) end(0, "Success", false)
    now += 1
  }
  for (const { request } of stuck) {
    queue.gates.judge(request, exits.Failure, true, now)
    queue.ended(request, 1, now)
  }
  check()
  assert.deepStrictEqual([queue.size, queue.gates.heldBack], [0, 0])
  return { opened, stale }
}

describe("circuit breakers", () => {
  it(`do in ${seeds} random sequences what plain lists do, and none of them stays shut`, () => {
    let opened = 0
    let stale = 0
    for (let seed = first; seed < first + seeds; seed++) {
      const run = runSeed(seed)
      opened += run.opened
      stale += run.stale
    }
    // The sequences are worth something.
    assert.isAbove(opened, 2 * seeds)
    assert.isAbove(stale, seeds)
  }, 300_000)
})
