/** A year with two changes of clock, in the north and in the south: exactly the ticks that the policies say. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Cron, type DateTime, Duration, Effect, Layer, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, Recurring, WorkerPool } from "../../src/index.ts"
import { VirtualTime } from "../../src/simulation/virtualTime.ts"
import * as Year from "../support/year.ts"
import { begin, berlin, day, hour, lordHowe, minute, quarter, year } from "../support/year.ts"

const Work = Rpc.make("Work", { payload: { name: Schema.String, at: Schema.Number }, success: Schema.Void })
class Works extends RpcGroup.make(Work) {}

/** Sometimes longer than it is to the next tick, or to the one after that; never does one end when another comes. */
const lasts = (tick: number): number => [5, 80, 5, 20, 130, 5, 70 * 60][(tick / quarter) % 7]! * minute + minute / 2

const policies: ReadonlyArray<Year.Policy> = [
  { overlap: "skip", missed: "latest", maxPending: 1 },
  { overlap: "skip", missed: "skip", maxPending: 1 },
  { overlap: "queue", missed: "latest", maxPending: 2 },
  { overlap: "queue", missed: "skip", maxPending: 1 },
  { overlap: "replace", missed: "latest", maxPending: 1 },
  { overlap: "replace", missed: "skip", maxPending: 1 }
]
const nameOf = ({ missed, overlap }: Year.Policy) => `${overlap}, missed: ${missed}`

/** The machine sleeps over the first change, for days in July, and over half of the second; in August its clock is set back behind a tick. */
const restless = (first: number, ticks: ReadonlyArray<number>, second: number): ReadonlyArray<Year.Leap> => [
  { at: first - 2 * hour - quarter / 2, by: 10 * hour },
  { at: Date.UTC(2026, 6, 10) + quarter / 2, by: 3 * day },
  { at: ticks.find((tick) => tick > Date.UTC(2026, 7, 5))! + quarter / 2, by: -hour },
  { at: second + quarter / 2, by: 2 * hour }
]

const halfHours = ["01:15", "01:45", "02:15", "02:45"]
const plans = [
  { zone: berlin, times: ["02:30", "03:30"], cron: "30 2,3 * * *", both: true, isRestless: false },
  { zone: berlin, times: ["02:30", "03:30"], cron: "30 2,3 * * *", both: false, isRestless: true },
  { zone: lordHowe, times: halfHours, cron: "15,45 1,2 * * *", both: false, isRestless: false },
  { zone: lordHowe, times: halfHours, cron: "15,45 1,2 * * *", both: true, isRestless: true }
]

/** What has been lived of the year, and the wall clock by which it recurs. */
const live = (cron: Cron.Cron, leaps: ReadonlyArray<Year.Leap>, policies: ReadonlyArray<Year.Policy>) => {
  const time = new VirtualTime(begin)
  const begun: Record<string, Array<readonly [number, number]>> = {}
  const handlers = Works.toLayer({
    Work: ({ at, name }) =>
      Effect.suspend(() => {
        ;(begun[name] ??= []).push([at, time.millis])
        return Effect.sleep(lasts(at))
      })
  })
  const layer = ElasticPool.layer({
    minWorkers: 16,
    maxWorkers: 16,
    scaling: "none",
    timeout: "none"
  }).pipe(Layer.provide(Handlers.layer(Works)), Layer.provide(handlers))
  const lived = Effect.gen(function* () {
    const pool = yield* WorkerPool.WorkerPool
    const clock = new HostClock(time, leaps)
    for (const policy of policies) {
      const name = nameOf(policy)
      yield* Recurring.make(pool, {
        name,
        cron,
        ...policy,
        call: (tick: DateTime.Utc) => WorkerPool.call(Work, { name, at: tick.epochMilliseconds })
      }).pipe(Effect.provideService(Clock.Clock, clock))
    }
    yield* Effect.sleep(year)
    const views = yield* Recurring.of(pool)
    // What waits is asked for no more.
    yield* pool.drain({ deadline: 0 })
    return views
  }).pipe(Effect.provide(layer), Effect.scoped)
  let views: ReadonlyArray<Recurring.RecurringView> = []
  time.runToEnd(() => Effect.runForkWith(time.inhabit(Context.empty()))(Effect.map(lived, (all) => (views = all))))
  return { begun, views }
}

/**
 * A clock that is set at times, while what has begun goes on. A sleep of a minute lasts until the next quarter of an hour, as it may on a machine that
 * has other things to do: all ticks are on those, and a year has less of them.
 */
class HostClock implements Clock.Clock {
  private offset = 0
  private readonly time: VirtualTime

  constructor(time: VirtualTime, leaps: ReadonlyArray<Year.Leap>) {
    this.time = time
    let before = 0
    for (const { at, by } of leaps) {
      time.at(at - before - begin, () => (this.offset += by))
      before += by
    }
  }

  currentTimeMillisUnsafe = () => this.time.currentTimeMillisUnsafe() + this.offset
  currentTimeNanosUnsafe = () => BigInt(this.currentTimeMillisUnsafe()) * 1_000_000n
  monotonicTimeNanosUnsafe = () => this.time.monotonicTimeNanosUnsafe()
  readonly currentTimeMillis = Effect.sync(this.currentTimeMillisUnsafe)
  readonly currentTimeNanos = Effect.sync(this.currentTimeNanosUnsafe)
  readonly monotonicTimeNanos = Effect.sync(this.monotonicTimeNanosUnsafe)

  sleep = (duration: Duration.Duration) =>
    Effect.suspend(() => {
      const millis = Duration.toMillis(duration)
      return this.time.sleep(Duration.millis(millis < minute ? millis : quarter - (this.time.millis % quarter)))
    })
}

describe("a year", () => {
  for (const { both, cron, isRestless, times, zone } of plans) {
    it(`${isRestless ? "that is restless, " : ""}in ${zone.name}, ${both ? "both" : "the first"} of two`, () => {
      const ticks = Year.ticksOf(zone, times, both)
      const parsed = Cron.parseUnsafe(cron, zone.name, both ? { onDstOverlap: "both" } : undefined)
      const leaps = isRestless ? restless(zone.ahead[1]![0], ticks, zone.ahead[2]![0]) : []
      // Without leaps none is missed.
      const all = isRestless ? policies : policies.filter(({ missed }) => missed === "latest")
      const { begun, views } = live(parsed, leaps, all)
      for (const policy of all) {
        const { begun: expected, counts } = Year.walk(ticks, leaps, lasts, policy)
        const name = nameOf(policy)
        assert.deepStrictEqual(begun[name], expected, name)
        const view = views.find((view) => view.name === name)
        assert.deepInclude(view, counts, name)
      }
    })
  }
})
