/** What a limit, a pause or a time not yet come holds back: no reason to grow, until it may start. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Limit from "../../src/Limit.ts"
import * as HandlerLoad from "../../src/policies/handlerLoad.ts"
import * as ScalingPolicy from "../../src/ScalingPolicy.ts"
import { type Bench, withPool } from "../support/bench.ts"
import { signals } from "../support/signals.ts"

const four = Limit.make({ name: "four", per: "tag", concurrency: 4 })
const options = { maxWorkers: 64, scaling: ScalingPolicy.adaptive(), limits: [four], deadLetters: 0 }

/** What `adaptive` has for four requests at a time that came at random: it knows of no limit. */
const enough = 12

const submit = (bench: Bench, count: number) =>
  Effect.gen(function* () {
    bench.on("a", Effect.as(Effect.sleep(50), ""))
    for (let n = 0; n < count; n++) yield* bench.submit("a")
  })

const highest = (bench: Bench) =>
  Effect.map(bench.scaler.recent, (decisions) => Math.max(...decisions.map(({ after }) => after)))

describe("a tag limited to 4", () => {
  it.effect("with 100,000 waiting leaves the number of workers alone, and the decision says why", () =>
    withPool({ ...options, capacity: "unbounded" })((bench) =>
      Effect.gen(function* () {
        yield* submit(bench, 100_000)
        yield* TestClock.adjust("30 seconds")
        assert.isAtMost(yield* highest(bench), enough)
        assert.strictEqual(bench.peak, 4)
        const last = (yield* bench.scaler.recent).at(-1)!
        assert.strictEqual(last.heldBack, "limited")
        assert.isAbove(last.wanted, last.after)
        assert.match(
          yield* bench.scaler.explain,
          /kept \d+ workers: adaptive wants \d+ because .*; 97\d\d\d more are held back\. Not \d+, because what waits, waits at a limit/
        )
      })
    )
  )

  it.effect("with a queue full of held ones, and callers at its door, leaves it alone too", () =>
    withPool({ ...options, capacity: 100 })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(50), ""))
        for (let n = 0; n < 5000; n++) yield* bench.call("a")
        yield* TestClock.adjust("30 seconds")
        const { blocked, heldBack, waiting } = yield* bench.pool.snapshot
        assert.isAbove(blocked, 2000)
        assert.deepStrictEqual([waiting, heldBack], [100, 100])
        assert.isAtMost(yield* highest(bench), enough)
        assert.strictEqual((yield* bench.scaler.recent).at(-1)!.heldBack, "limited")
      })
    )
  )

  it.effect("of which most give up at the gate leaves it alone too", () =>
    withPool({ ...options, expiresIn: "2 seconds" })((bench) =>
      Effect.gen(function* () {
        bench.on("a", Effect.as(Effect.sleep(50), ""))
        for (let n = 0; n < 400; n++) {
          for (let m = 0; m < 50; m++) yield* bench.submit("a")
          yield* TestClock.adjust(50)
        }
        const { expired } = yield* bench.pool.snapshot
        assert.isAbove(expired, 15_000)
        assert.isAtMost(yield* highest(bench), enough)
      })
    )
  )

  it.effect("that is limited no more has its workers at once", () =>
    withPool({ ...options, capacity: "unbounded" })((bench) =>
      Effect.gen(function* () {
        yield* submit(bench, 20_000)
        yield* TestClock.adjust("10 seconds")
        assert.isAtMost((yield* bench.pool.snapshot).target, enough)
        yield* bench.pool.setLimit("four", { concurrency: 1000 })
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* bench.pool.snapshot).target, 64)
        assert.notStrictEqual((yield* bench.scaler.recent).at(-1)!.heldBack, "limited")
      })
    )
  )
})

it.effect("a pool in which nothing may start needs no workers, and has them when it may", () =>
  withPool({ ...options, limits: [], minWorkers: 0 })((bench) =>
    Effect.gen(function* () {
      yield* bench.pool.pauseOnly({ tag: "Work" })
      yield* submit(bench, 1000)
      yield* TestClock.adjust("1 minute")
      const { heldBack, workers } = yield* bench.pool.snapshot
      assert.deepStrictEqual([heldBack, workers], [1000, 0])
      yield* bench.pool.resumeOnly({ tag: "Work" })
      yield* TestClock.adjust("1 second")
      assert.isAbove((yield* bench.pool.snapshot).target, 10)
    })
  )
)

describe("the article's rule", () => {
  const { decide } = ScalingPolicy.queueLength({ threshold: 8 })

  it("counts those alone that wait for nothing but a worker, and says what holds the others", () => {
    const held = decide({ ...signals, waiting: 100, heldBack: 93 }, undefined)
    assert.deepInclude(held, {
      workers: 5,
      wanted: 6,
      heldBack: "limited",
      reason: "7 wait, from 6 to 8; 93 more are held back"
    })
    assert.deepInclude(decide({ ...signals, waiting: 100, heldBack: 100 }, undefined), { workers: 4, wanted: 6 })
    assert.deepInclude(decide({ ...signals, waiting: 100, heldBack: 91 }, undefined), { workers: 6 })
    assert.notProperty(decide({ ...signals, waiting: 100, heldBack: 91 }, undefined), "heldBack")
  })

  it("says that a paused pool is paused", () => {
    assert.strictEqual(decide({ ...signals, paused: true, waiting: 9, heldBack: 9 }, undefined).heldBack, "paused")
  })
})

describe("arrivals that may start", () => {
  /** What arrived, look for look: of requests that came so far, started so far and are held back, and how many more are free. */
  const arrived = (
    looks: ReadonlyArray<readonly [offered: number, attempts: number, heldBack: number, grown: number]>
  ) => {
    let load: HandlerLoad.HandlerLoad | undefined
    return looks.map(([offered, attempts, heldBack, grown]) => {
      const before = load?.arrived ?? 0
      load = HandlerLoad.update(
        load,
        { ...signals.handlers["Work"]!, offered, attempts, heldBack, retries: 0, running: 0 },
        1000,
        grown
      )
      return load.arrived - before
    })
  }

  it("are all that come while nothing is held back, whatever has started", () => {
    assert.deepStrictEqual(
      arrived([
        [10, 2, 0, 0],
        [30, 2, 0, 18],
        [30, 30, 0, 0]
      ]),
      [10, 20, 0]
    )
  })

  it("are those that start or are free to while others are held back", () => {
    assert.deepStrictEqual(
      arrived([
        [1000, 4, 996, 0],
        [1000, 84, 916, 0],
        [2000, 164, 1834, 2]
      ]),
      [4, 80, 82]
    )
  })

  it("do not become less, and are not counted twice, when what has come is held back later", () => {
    assert.deepStrictEqual(
      arrived([
        [100, 4, 0, 96],
        [100, 8, 92, 0],
        [100, 50, 50, 0],
        [100, 100, 0, 0]
      ]),
      [100, 0, 0, 0]
    )
  })

  it("are not those that gave up at a gate, or were not let in", () => {
    // 1,000 come in each second, 80 start, and the others leave after a second.
    const looks = [1, 2, 3, 4].map((second) => [1000 * second, 80 * second, 920, 0] as const)
    assert.deepStrictEqual(arrived(looks), [80, 80, 80, 80])
    // Once nothing is held back any more they do not come all at once.
    assert.deepStrictEqual(arrived([...looks, [4000, 1240, 0, 0], [4010, 1250, 0, 0]]).slice(4), [920, 10])
  })
})
