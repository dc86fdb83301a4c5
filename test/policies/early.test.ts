/** What the policies make of the little that is seen between two ticks. */
import { assert, describe, it } from "@effect/vitest"
import { adaptive, cooldown, fixed, gradient, min, queueLength, type ScalingSignals } from "../../src/ScalingPolicy.ts"
import { atEarlyLook } from "../../src/policies/policy.ts"
import { signals } from "../support/signals.ts"

/** Up to `atMillis` there have been so many of 100 ms each; `here` of them are in the pool, which has `target` workers. */
const counts = (atMillis: number, arrived: number, here: number, target: number): ScalingSignals => ({
  ...signals,
  atMillis,
  attempts: arrived - here + target,
  waiting: here - target,
  blocked: 0,
  delayed: 0,
  running: target,
  ending: 0,
  stuck: 0,
  workers: target,
  target,
  maxWorkers: 1000,
  handlers: {
    Work: {
      offered: arrived,
      attempts: arrived - here + target,
      retries: 0,
      running: target,
      succeeded: arrived - here,
      failed: 0,
      timedOut: 0,
      occupiedMillis: (arrived - here) * 100 + target * 50,
      runningMillis: target * 50,
      succeededMillis: (arrived - here) * 100,
      heldBack: 0,
      batches: 0,
      needless: 0
    }
  }
})

/** Ten seconds of 100/s, and the state after them. */
const calm = (policy = adaptive()) => {
  let state = policy.initial
  for (let at = 1000; at <= 10_000; at += 1000) state = policy.decide(counts(at, at / 10, 14, 14), state).state
  return state
}

describe("adaptive, early", () => {
  it("follows a step that began with the tick", () => {
    const { reason, workers } = atEarlyLook(adaptive(), counts(10_100, 1100, 90, 14), calm())
    assert.isAtLeast(workers, 60)
    assert.match(reason, /^1000\/s of \d+ ms each/)
  })

  it("follows a step that began between two looks: what was before does not dilute it", () => {
    const policy = adaptive()
    const first = atEarlyLook(policy, counts(10_800, 1080, 16, 14), calm())
    assert.strictEqual(first.workers, 14)
    const { reason } = atEarlyLook(policy, counts(10_900, 1180, 100, 14), first.state)
    assert.match(reason, /^1000\/s/)
    // And one that is seen only from the tick on is no less believed.
    const later = atEarlyLook(policy, counts(10_850, 1170, 100, 14), first.state)
    assert.match(later.reason, /^900\/s/)
  })

  it("believes no rate that chance brings in so short a time, however much waits", () => {
    const { workers } = atEarlyLook(adaptive(), counts(10_100, 1022, 40, 14), calm())
    assert.strictEqual(workers, 14)
  })

  it("takes 50 ms for no less than the wait that it allows", () => {
    const [quick, patient] = [100, 1000].map(
      (waitTarget) => atEarlyLook(adaptive({ waitTarget }), counts(10_050, 1100, 100, 14), calm()).reason
    )
    assert.match(quick!, /^1000\/s/)
    assert.notMatch(patient!, /^1000\/s/)
  })

  it("asks for no more workers than there are requests, and counts no more of them as busy", () => {
    const { reason, workers } = atEarlyLook(adaptive(), counts(10_100, 3000, 20, 14), calm())
    assert.strictEqual(workers, 20)
    assert.match(reason, /keep 20 workers busy/)
  })

  it("a paused pool stays as it is", () => {
    const paused = { ...counts(10_100, 3000, 20, 14), paused: true }
    assert.deepInclude(atEarlyLook(adaptive(), paused, calm()), { workers: 14, heldBack: "paused" })
  })
})

describe("others, early", () => {
  const short = counts(10_100, 3000, 90, 14)

  it("the limit of gradient stands where the last tick has left it", () => {
    const policy = gradient({ initial: 20 })
    const { state, workers } = atEarlyLook(policy, short, policy.initial)
    assert.strictEqual(workers, 20)
    assert.strictEqual(atEarlyLook(min(adaptive(), policy), short, [calm(), state]).workers, 20)
    assert.deepInclude(atEarlyLook(policy, { ...short, paused: true }, policy.initial), {
      workers: 14,
      heldBack: "paused"
    })
  })

  it("an early look before the first tick that adds nothing begins no cooldown", () => {
    const policy = cooldown(fixed(5), "1 minute")
    const { state } = atEarlyLook(policy, short, policy.initial)
    assert.strictEqual(policy.decide(short, state).workers, 5)
  })

  it("one that waits for the tick stands by the number that there is, alone, in others and among others", () => {
    const waits = queueLength({ threshold: 5 })
    for (const policy of [waits, cooldown(waits, 5), min(waits), min(fixed(50), waits)]) {
      assert.strictEqual(atEarlyLook(policy, short, policy.initial).workers, 14)
    }
    assert.strictEqual(min(waits, waits).early, "none")
  })
})
