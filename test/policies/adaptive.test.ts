/** The default policy: from what it measures to what it asks for. */
import { assert, describe, it } from "@effect/vitest"
import * as ScalingPolicy from "../../src/ScalingPolicy.ts"
import { adaptive, type AdaptiveOptions, type ScalingSignals } from "../../src/ScalingPolicy.ts"
import { live, type Second, signals, times } from "../support/signals.ts"

const workersAfter = (seconds: ReadonlyArray<Second>, from = 1, options?: AdaptiveOptions) =>
  live(adaptive(options), seconds, from).map(({ workers }) => workers)

/** One second of a pool that does 100/s of 100 ms each. */
const signalsOf = (changes: Partial<ScalingSignals> = {}): ScalingSignals => ({
  ...signals,
  atMillis: 1000,
  waiting: 0,
  blocked: 0,
  delayed: 0,
  running: 0,
  workers: 1,
  target: 1,
  handlers: {
    Work: {
      offered: 100,
      attempts: 100,
      retries: 0,
      running: 0,
      succeeded: 100,
      failed: 0,
      timedOut: 0,
      occupiedMillis: 10_000,
      runningMillis: 0,
      succeededMillis: 10_000,
      heldBack: 0,
      batches: 0,
      needless: 0
    }
  },
  ...changes
})

describe("adaptive", () => {
  it("arrivals a second times seconds each, and some for chance: 100/s of 100 ms ask for 14", () => {
    const [first] = live(adaptive(), [{ arrived: 100 }])
    assert.deepInclude(first, { workers: 14, wanted: 14 })
    assert.strictEqual(first!.reason, "100/s of 100 ms each keep 10 workers busy")
  })

  it.each<[string, Second, number]>([
    ["ten times as many", { arrived: 1000 }, 110],
    ["ten times as long, where there is less time for chance to even out", { arrived: 100, millis: 1000 }, 123],
    ["so short that chance evens out within the target", { arrived: 1000, millis: 1 }, 2],
    ["none", { arrived: 0 }, 0]
  ])("%s", (_, second, workers) => {
    assert.deepStrictEqual(workersAfter([second], 0), [workers])
  })

  it("handlers are measured each by itself", () => {
    const handler = (offered: number, millis: number) => ({
      offered,
      attempts: offered,
      retries: 0,
      running: 0,
      succeeded: offered,
      failed: 0,
      timedOut: 0,
      occupiedMillis: offered * millis,
      runningMillis: 0,
      succeededMillis: offered * millis,
      heldBack: 0,
      batches: 0,
      needless: 0
    })
    const policy = adaptive()
    const [{ reason }] = [
      policy.decide(
        {
          ...signalsOf(),
          handlers: { Fast: handler(900, 10), Slow: handler(100, 1000) }
        },
        undefined
      )
    ]
    assert.match(reason, /^1000\/s of 109 ms each keep 109 workers busy/)
  })

  it("a backlog is cleared within the time it has: 990 too many of 100 ms in 2 s are 50 workers more", () => {
    const [without] = workersAfter([{ arrived: 100 }])
    const [with1000] = workersAfter([{ arrived: 100, waiting: 1000 }])
    assert.deepStrictEqual([without, with1000], [14, Math.ceil(10.5 + 49.5)])
    assert.deepStrictEqual(workersAfter([{ arrived: 100, waiting: 1000 }], 1, { clearWithin: "10 seconds" }), [
      Math.ceil(10.5 + 9.9)
    ])
    assert.deepStrictEqual(workersAfter([{ arrived: 100, waiting: 10 }]), [14])
  })

  it("while nothing has ended it doubles at each tick, and not when nothing waits", () => {
    const stuck = { arrived: 1, ended: 0, running: 1, waiting: 5 }
    assert.deepStrictEqual(workersAfter(times(4, stuck), 0), [1, 2, 4, 8])
    assert.strictEqual(live(adaptive(), [stuck], 1)[0]!.reason, "5 wait and no attempt has ended yet")
    assert.deepStrictEqual(workersAfter([{ arrived: 1, ended: 0, running: 1 }], 1), [1])
  })

  it("busy workers and a backlog that does not shrink are more load than can be measured: from the second tick on it doubles", () => {
    // Callers that wait for their answers: as much arrives as the workers can do.
    const busy = (workers: number): Second => ({ arrived: workers * 10, waiting: 500, running: workers, millis: 100 })
    const policy = adaptive({ clearWithin: "1 hour" })
    const [first] = live(policy, [busy(20)], 20)
    assert.isBelow(first!.workers, 30)
    const [, second] = live(policy, [busy(20), busy(first!.workers)], 20)
    assert.match(second!.reason, /all workers are busy and the backlog does not shrink/)
    assert.strictEqual(second!.workers, 2 * first!.workers)
  })

  it("comes down after the cooldown, by a share in a second, to what a load larger by the dead band needs", () => {
    const up = { arrived: 1000 }
    const down = { arrived: 100 }
    const answers = live(adaptive(), [up, ...times(14, down)], 1)
    assert.deepStrictEqual(
      answers.map(({ workers }) => workers),
      [110, 110, 110, 110, 110, 82, 61, 46, 34, 26, 19, 15, 15, 15, 15]
    )
    assert.deepStrictEqual(
      answers.slice(1).map(({ heldBack }) => heldBack),
      [
        "cooldown",
        "cooldown",
        "cooldown",
        "cooldown",
        "step",
        "step",
        "step",
        "step",
        "step",
        "step",
        "uncertain",
        "deadBand",
        "deadBand",
        "deadBand"
      ]
    )
    // A step down is believed at its second tick.
    assert.deepStrictEqual(
      answers.slice(1, 3).map(({ wanted }) => wanted),
      [62, 14]
    )
  })

  it("the cooldown counts from anybody's rise", () => {
    const policy = adaptive()
    let { state } = policy.decide(signalsOf({ atMillis: 1000, target: 5 }), undefined)
    // Somebody has resized the pool since.
    const after = policy.decide(signalsOf({ atMillis: 20_000, target: 50, workers: 50 }), state)
    assert.deepInclude(after, { workers: 50, heldBack: "cooldown" })
    state = after.state
    const later = policy.decide(signalsOf({ atMillis: 26_000, target: 50, workers: 50 }), state)
    assert.isBelow(later.workers, 50)
  })

  it("changes nothing for less than the dead band, nor for what chance alone does", () => {
    const after = (seconds: ReadonlyArray<Second>, deadBand: number) =>
      live(adaptive({ deadBand, cooldown: 0 }), seconds).slice(-1)[0]!
    const many = (arrived: number) => [...times(60, { arrived: 1000 }), ...times(30, { arrived })]
    assert.deepInclude(after(many(960), 0.2), { workers: 110, heldBack: "deadBand" })
    assert.isBelow(after(many(960), 0).workers, 110)
    // Of ten requests a second nobody can tell such a difference.
    const few = (arrived: number) => [
      ...times(60, { arrived: 10, millis: 1000 }),
      ...times(30, { arrived, millis: 1000 })
    ]
    assert.deepInclude(after(few(9), 0), { workers: after(few(10), 0).workers, heldBack: "deadBand" })
  })

  it("one request that never began says nothing of its handler, and holds nothing up", () => {
    const policy = adaptive({ cooldown: 0 })
    const { Work } = signalsOf().handlers
    const refused = { ...Work!, offered: 1, attempts: 0, succeeded: 0, occupiedMillis: 0, succeededMillis: 0 }
    const { workers } = policy.decide(signalsOf({ target: 40, handlers: { Work: Work!, Never: refused } }), undefined)
    assert.isBelow(workers, 40)
    const nothing = policy.decide(signalsOf({ target: 40, handlers: { Never: refused } }), undefined)
    assert.strictEqual(nothing.wanted, 0)
  })

  it("a backlog of long requests gets about one worker for each, however long they take", () => {
    const minutes = { arrived: 1, ended: 1, millis: 120_000, running: 0 }
    const [without, with5] = [0, 5].map((waiting) => workersAfter([{ ...minutes, waiting }])[0]!)
    assert.isAtMost(with5! - without!, 10)
  })

  it("of handlers that take long it does not think that they take longer, when the first of many have ended", () => {
    // 60 running for half a minute on average, and one that has ended after its minute.
    const counts = { ...signalsOf().handlers["Work"]!, offered: 61, attempts: 61, running: 60, succeeded: 1 }
    const [runningMillis, succeededMillis] = [60 * 30_000, 60_000]
    const Work = { ...counts, runningMillis, succeededMillis, occupiedMillis: runningMillis + succeededMillis }
    const { reason } = adaptive().decide(signalsOf({ atMillis: 61_000, target: 60, handlers: { Work } }), undefined)
    assert.match(reason, /^1\/s of 60 s each/)
  })

  it.each([10, 100, 1000])("with ticks of %d ms it gives up no more than a quarter in a second", (tick) => {
    const policy = adaptive({ cooldown: 0 })
    let state: unknown
    let target = 100
    const idle = {
      ...signalsOf().handlers["Work"]!,
      attempts: 1,
      offered: 1,
      succeeded: 1,
      occupiedMillis: 1,
      succeededMillis: 1,
      heldBack: 0,
      batches: 0,
      needless: 0
    }
    for (let at = 60_000; at <= 61_000; at += tick) {
      const answer = policy.decide(
        signalsOf({ atMillis: at, intervalMillis: tick, target, workers: target, handlers: { Work: idle } }),
        state ??
          policy.decide(signalsOf({ atMillis: 60_000 - tick, target, handlers: { Work: idle } }), undefined).state
      )
      state = answer.state
      target = answer.workers
    }
    assert.isAtLeast(target, 55)
    assert.isAtMost(target, 76)
  })

  it("what another policy holds back from it is nobody's rise", () => {
    const seconds = [{ arrived: 1000 }, ...times(20, { arrived: 100 })]
    const workers = live(ScalingPolicy.step(adaptive(), { down: 5 }), seconds).map(({ workers }) => workers)
    for (let n = 8; n < 15; n++) assert.strictEqual(workers[n]! - workers[n + 1]!, 5)
  })

  it("with nothing to do it goes to nothing", () => {
    const answers = workersAfter([{ arrived: 100 }, ...times(120, { arrived: 0 })])
    assert.strictEqual(answers.at(-1), 0)
  })

  it("failures that end at once do not read as fast", () => {
    const good = workersAfter(times(20, { arrived: 1000 }))
    const policy = adaptive()
    const fails = { offered: 1000, attempts: 1000, retries: 0, running: 0, succeeded: 0, timedOut: 0 }
    const succeeds = {
      ...fails,
      succeeded: 1000,
      failed: 0,
      occupiedMillis: 100_000,
      runningMillis: 0,
      succeededMillis: 100_000,
      heldBack: 0,
      batches: 0,
      needless: 0
    }
    let state: unknown
    let offered = 0
    let workers = 0
    for (let at = 1000; at <= 20_000; at += 1000) {
      offered += 1000
      const failed = Math.max(0, offered - 10_000)
      const counts = {
        ...succeeds,
        offered,
        attempts: offered,
        succeeded: offered - failed,
        failed,
        occupiedMillis: (offered - failed) * 100 + failed,
        succeededMillis: (offered - failed) * 100,
        heldBack: 0,
        batches: 0,
        needless: 0
      }
      const answer = policy.decide(signalsOf({ atMillis: at, target: 110, handlers: { Work: counts } }), state)
      state = answer.state
      workers = answer.wanted ?? answer.workers
    }
    assert.strictEqual(workers, good.at(-1))
  })

  it("timeouts count as long as they took", () => {
    const slow = { arrived: 100, millis: 500, timedOut: 100 }
    assert.isAtLeast(workersAfter(times(30, slow)).at(-1)!, 50)
  })

  it("a paused pool stays as it is, however much waits, and says why", () => {
    const [answer] = live(adaptive(), [{ arrived: 1000, waiting: 5000, paused: true }], 3)
    assert.deepInclude(answer, { workers: 3, heldBack: "paused" })
    assert.isAbove(answer!.wanted!, 100)
  })

  it("attempts that follow others arrive like requests", () => {
    const { Work } = signalsOf().handlers
    const twice = { ...Work!, attempts: 200, retries: 100, succeeded: 100, failed: 100, occupiedMillis: 20_000 }
    const { reason } = adaptive().decide(signalsOf({ handlers: { Work: twice } }), undefined)
    assert.match(reason, /^200\/s of 100 ms each/)
  })

  it("a load that grows is sized for the next tick", () => {
    const answers = live(
      adaptive(),
      Array.from({ length: 100 }, (_, n) => ({ arrived: 1000 + 10 * n }))
    )
    assert.match(answers.at(-1)!.reason, /^(199\d|200\d)\/s/)
  })

  it("a little load without a backlog keeps its worker", () => {
    assert.isAtLeast(workersAfter(times(60, { arrived: 3 })).at(-1)!, 1)
  })

  it("two ticks at 70 % with a steady backlog are no saturation", () => {
    const busy = { arrived: 140, waiting: 60, running: 14 }
    const answers = live(adaptive({ clearWithin: "1 hour" }), times(4, busy), 20)
    for (const { reason } of answers) assert.notMatch(reason, /does not shrink/)
  })

  it("requests between two attempts are no backlog", () => {
    const policy = adaptive()
    assert.strictEqual(
      policy.decide(signalsOf({ delayed: 5000 }), undefined).workers,
      policy.decide(signalsOf({ delayed: 0 }), undefined).workers
    )
  })

  it("callers outside a full queue are", () => {
    const policy = adaptive()
    assert.isAbove(
      policy.decide(signalsOf({ blocked: 5000 }), undefined).workers,
      policy.decide(signalsOf({ blocked: 0 }), undefined).workers
    )
  })

  it.each<[AdaptiveOptions, string]>([
    [{ waitTarget: 0 }, "waitTarget"],
    [{ clearWithin: 0 }, "clearWithin"],
    [{ cooldown: -1 }, "cooldown"],
    [{ deadBand: 1.5 }, "deadBand"],
    [{ fallPerSecond: -0.1 }, "fallPerSecond"]
  ])("%j is refused by its field", (options, field) => {
    assert.strictEqual(adaptive(options).invalid?.field, field)
  })
})
