/** A year with two changes of clock: exactly the ticks that the policies say, by arithmetic that knows nothing of `Cron`. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Cron, type DateTime, Effect, Layer, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, Recurring, WorkerPool } from "../../src/index.ts"
import { VirtualTime } from "../../src/simulation/virtualTime.ts"

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const begin = Date.UTC(2026, 0, 1)
const year = 365 * day
/** When Berlin's clocks are set from 3:00 back to 2:00; in spring they are set from 2:00 to 3:00 at the same time of day. */
const autumn = Date.UTC(2026, 9, 25, 1)

const Work = Rpc.make("Work", { payload: { name: Schema.String, at: Schema.Number }, success: Schema.Void })
class Works extends RpcGroup.make(Work) {}

const everyHour = Array.from({ length: year / hour }, (_, at) => begin + (at + 1) * hour)
/** 2:30 in Berlin. In spring there is none, and it comes when it would have come without the change; in autumn the first of two. */
const daily = Array.from({ length: 365 }, (_, at) => {
  const date = begin + at * day
  const isSummer = date > Date.UTC(2026, 2, 29) && date <= Date.UTC(2026, 9, 25)
  return date + 2.5 * hour - (isSummer ? 2 : 1) * hour
})
const berlin = (cron: string, onDstOverlap?: Cron.DstOverlapPolicy) =>
  Cron.parseUnsafe(cron, "Europe/Berlin", onDstOverlap === undefined ? undefined : { onDstOverlap })

/** The instants at which a handler that takes so long is begun, and how many others do not come to that. */
const model = (ticks: ReadonlyArray<number>, millis: number, overlap: Recurring.Overlap, maxPending = 1) => {
  let ends: Array<number> = []
  const begun: Array<number> = []
  const counts = { asked: 0, skipped: 0, replaced: 0 }
  for (const tick of ticks) {
    ends = ends.filter((end) => end > tick)
    if (ends.length > (overlap === "skip" ? 0 : overlap === "queue" ? maxPending : Infinity)) {
      counts.skipped++
      continue
    }
    if (overlap === "replace") {
      counts.replaced += ends.length
      ends = []
    }
    counts.asked++
    begun.push(tick)
    ends.push(tick + millis)
  }
  return { begun, counts }
}

const plans = {
  "daily at 2:30": { from: begin, days: 365, cron: berlin("30 2 * * *"), ticks: daily, millis: hour },
  "daily, both, in October": {
    from: Date.UTC(2026, 9, 1),
    days: 31,
    cron: berlin("30 2 * * *", "both"),
    ticks: [...daily, autumn + 30 * minute].toSorted((a, b) => a - b),
    millis: hour + 1
  },
  "hourly, as Cron is by default": {
    from: begin,
    days: 365,
    cron: berlin("0 * * * *"),
    ticks: everyHour.filter((at) => at !== autumn),
    millis: 90 * minute
  },
  "hourly, both, in October": {
    from: Date.UTC(2026, 9, 1),
    days: 31,
    cron: berlin("0 * * * *", "both"),
    ticks: everyHour,
    millis: 150 * minute
  }
}

describe("a year in Berlin", () => {
  for (const [name, { cron, days, from, millis, ticks }] of Object.entries(plans)) {
    it(name, () => {
      const time = new VirtualTime(from)
      const begun: Record<string, Array<number>> = {}
      const handlers = Works.toLayer({
        Work: ({ at, name }) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            assert.strictEqual(now, at, "late")
            ;(begun[name] ??= []).push(at)
            return Effect.sleep(millis)
          })
      })
      const layer = ElasticPool.layer({ minWorkers: 16, maxWorkers: 16, scaling: "none", timeout: "none" }).pipe(
        Layer.provide(Handlers.layer(Works)),
        Layer.provide(handlers)
      )
      const lived = Effect.gen(function* () {
        const pool = yield* WorkerPool.WorkerPool
        for (const overlap of ["skip", "queue", "replace"] as const) {
          yield* Recurring.make(pool, {
            name: overlap,
            cron,
            overlap,
            missed: overlap === "queue" ? "skip" : "latest",
            call: (tick: DateTime.Utc) => WorkerPool.call(Work, { name: overlap, at: tick.epochMilliseconds })
          })
        }
        yield* Effect.sleep(days * day + 1)
        return yield* Recurring.of(pool)
      }).pipe(Effect.provide(layer), Effect.scoped)
      let views: ReadonlyArray<Recurring.RecurringView> = []
      time.runToEnd(() => Effect.runForkWith(time.inhabit(Context.empty()))(Effect.map(lived, (all) => (views = all))))
      assert.strictEqual(views.length, 3)
      for (const view of views) {
        const within = ticks.filter((tick) => tick > from && tick <= from + days * day)
        const expected = model(within, millis, view.name as Recurring.Overlap)
        assert.deepStrictEqual(begun[view.name], expected.begun, view.name)
        assert.deepInclude(view, { ...expected.counts, missed: 0, refused: 0 }, view.name)
      }
    })
  }
})
