/** What a recording has of a pool: each request once, as it was, and nothing that holds the pool up. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FileSystem, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import type * as Call from "../../src/Call.ts"
import type * as ElasticPool from "../../src/ElasticPool.ts"
import * as Limit from "../../src/Limit.ts"
import * as Recording from "../../src/Recording.ts"
import * as RetryBudget from "../../src/RetryBudget.ts"
import * as RetryPolicy from "../../src/RetryPolicy.ts"
import * as ScalingPolicy from "../../src/ScalingPolicy.ts"
import { type Bench, withPool } from "../support/bench.ts"
import { MemoryFiles } from "../support/memoryFiles.ts"

const path = "load.jsonl"

const recorded =
  (options: ElasticPool.Options, recording: Partial<Recording.Options> = {}) =>
  <A, E, R>(test: (bench: Bench, files: MemoryFiles, recording: Recording.Recording) => Effect.Effect<A, E, R>) =>
    withPool(options)((bench) =>
      Effect.gen(function* () {
        const files = new MemoryFiles()
        const scope = yield* Scope.make()
        const made = yield* Recording.make(bench.pool, { path, ...recording }).pipe(
          Scope.provide(scope),
          Effect.provideService(FileSystem.FileSystem, files.service)
        )
        yield* test(bench, files, made)
        yield* Scope.close(scope, Exit.void)
        return files
      })
    )

const readAll = (files: MemoryFiles, paths = [path]) =>
  Effect.map(
    Stream.runCollect(Recording.read(paths)).pipe(Effect.provideService(FileSystem.FileSystem, files.service)),
    (all) => all.flat()
  )

const requestsIn = (entries: ReadonlyArray<Recording.Entry>) =>
  entries.flatMap((entry) => {
    if (entry._tag !== "Request") return []
    const { _tag, ...request } = entry
    return [request]
  })

const requests = (files: MemoryFiles) => Effect.map(readAll(files), requestsIn)

const one = { minWorkers: 1, maxWorkers: 1 }
/** More than what is worth a write. */
const most = 9 * 1024

describe("a recording", () => {
  it.effect("has when a request came, how long it waited and ran, and how it ended", () =>
    Effect.gen(function* () {
      const files = yield* recorded(one)((bench) =>
        Effect.gen(function* () {
          bench.on("a", Effect.as(Effect.sleep(100), "a"))
          bench.on("b", Effect.andThen(Effect.sleep(50), Effect.fail("no")))
          yield* TestClock.adjust(10)
          yield* bench.submit("a", { id: "a" })
          yield* TestClock.adjust(5)
          yield* bench.submit("b", { priority: 3 })
          yield* TestClock.adjust(1000)
        })
      )
      assert.deepStrictEqual(yield* requests(files), [
        {
          atMillis: 10,
          type: "Work",
          attempts: [{ startedAtMillis: 10, millis: 100, end: "succeeded" }],
          end: "succeeded",
          endedAtMillis: 110
        },
        {
          atMillis: 15,
          type: "Work",
          priority: 3,
          attempts: [{ startedAtMillis: 110, millis: 50, end: "failed" }],
          end: "failed",
          endedAtMillis: 160
        }
      ])
    })
  )

  it.effect("has each attempt of one that is tried again, failures and timeouts apart, and the waits between", () =>
    Effect.gen(function* () {
      const retry = RetryPolicy.make({ times: 3, base: 100, jitter: "none" })
      const files = yield* recorded({ ...one, retry, timeout: 400 })((bench) =>
        Effect.gen(function* () {
          bench.on("a", (attempt) =>
            attempt === 1
              ? Effect.andThen(Effect.sleep(30), Effect.fail("no"))
              : attempt === 2
                ? Effect.never
                : Effect.as(Effect.sleep(20), "a")
          )
          yield* bench.submit("a")
          yield* TestClock.adjust(2000)
        })
      )
      const [request] = yield* requests(files)
      assert.deepStrictEqual(
        request!.attempts.map(({ end, millis, startedAtMillis }) => [startedAtMillis, millis, end]),
        [
          [0, 30, "failed"],
          [130, 400, "timedOut"],
          [730, 20, "succeeded"]
        ]
      )
      assert.strictEqual(request!.endedAtMillis, 750)
    })
  )

  it.effect(
    "tells one that has ended between two attempts, though for no time, from one that an attempt has ended",
    () =>
      Effect.gen(function* () {
        const retry = RetryPolicy.make({ times: 3, base: 100, jitter: "none" })
        const files = yield* recorded({ ...one, retry, expiresIn: 50 })((bench) =>
          Effect.gen(function* () {
            bench.on("a", Effect.andThen(Effect.sleep(30), Effect.fail("no")))
            const ticket = yield* bench.submit("a", { expiresIn: "none" })
            yield* TestClock.adjust(30)
            yield* ticket.cancel
            bench.on("b", Effect.never)
            const other = yield* bench.submit("b", { expiresIn: "none" })
            yield* TestClock.adjust(10)
            yield* other.cancel
            yield* TestClock.adjust(1)
          })
        )
        const ends = (yield* requests(files)).map(({ attempts, end }) => [end, attempts.map(({ end }) => end)])
        assert.deepStrictEqual(ends, [
          ["cancelled", ["failed"]],
          ["cancelled", ["interrupted"]]
        ])
      })
  )

  it.effect("has what was refused, evicted, expired, given up at the door, and joined: it is load", () =>
    Effect.gen(function* () {
      const ends = (
        options: ElasticPool.Options,
        test: (bench: Bench) => Effect.Effect<unknown, unknown, never>,
        call: Call.Options = {}
      ) =>
        Effect.gen(function* () {
          const files = yield* recorded({ ...one, capacity: 1, ...options })((bench) =>
            Effect.gen(function* () {
              bench.on("runs", Effect.as(Effect.sleep(100), ""))
              yield* bench.call("runs", call)
              yield* test(bench)
              yield* TestClock.adjust(500)
            })
          )
          return (yield* requests(files)).map(({ atMillis, end, endedAtMillis }) => [end, atMillis, endedAtMillis])
        })
      const two = (bench: Bench) => Effect.andThen(bench.call("waits"), Effect.ignore(bench.submit("third")))
      assert.deepStrictEqual(yield* ends({ strategy: "dropping" }, two), [
        ["refusedFull", 0, 0],
        ["succeeded", 0, 100],
        ["succeeded", 0, 100]
      ])
      assert.deepStrictEqual((yield* ends({ strategy: "sliding" }, two))[0], ["evicted", 0, 0])
      assert.deepStrictEqual((yield* ends({ strategy: "shedding" }, two))[0], ["shed", 0, 0])
      assert.deepStrictEqual(
        yield* ends({}, (bench) =>
          Effect.andThen(bench.call("waits"), bench.call("blocked", { expiresIn: 40 })).pipe(
            Effect.andThen(TestClock.adjust(40))
          )
        ),
        [
          ["abandoned", 0, 40],
          ["succeeded", 0, 100],
          ["succeeded", 0, 100]
        ]
      )
      assert.deepStrictEqual((yield* ends({ expiresIn: 60 }, (bench) => bench.call("waits")))[0], ["expired", 0, 60])
      for (const [duplicate, end] of [
        ["join", "joined"],
        ["reject", "refusedDuplicate"]
      ] as const) {
        const call = { primaryKey: "same", duplicate }
        const again = (bench: Bench) => Effect.ignore(bench.submit("again", call))
        assert.deepStrictEqual((yield* ends({}, again, call))[0], [end, 0, 0])
      }
      const late = (bench: Bench) =>
        Effect.andThen(
          Effect.forkChild(bench.pool.drain(), { startImmediately: true }),
          Effect.ignore(bench.submit("late"))
        )
      assert.deepStrictEqual((yield* ends({}, late))[0], ["refusedDraining", 0, 0])
    })
  )

  it.effect("has one that is to start later when it was due, and not at all when it never was", () =>
    Effect.gen(function* () {
      const files = yield* recorded(one)((bench) =>
        Effect.gen(function* () {
          yield* bench.submit("a", { delay: 200 })
          const never = yield* bench.submit("b", { delay: 200 })
          yield* TestClock.adjust(100)
          yield* never.cancel
          yield* TestClock.adjust(1000)
        })
      )
      const all = yield* requests(files)
      assert.deepStrictEqual(
        all.map(({ atMillis, end, endedAtMillis }) => [end, atMillis, endedAtMillis]),
        [["succeeded", 200, 200]]
      )
    })
  )

  it.effect("has keys as hashes, the same for the same, or as they are", () =>
    Effect.gen(function* () {
      const keys = (plainKeys: boolean) =>
        Effect.gen(function* () {
          const files = yield* recorded(one, { plainKeys })((bench) =>
            Effect.gen(function* () {
              for (const key of ["acme", "acme", "zeta", undefined]) yield* bench.call("x", { key })
              yield* TestClock.adjust(1000)
            })
          )
          return { text: files.text(path), keys: (yield* requests(files)).map(({ key }) => key) }
        })
      assert.deepStrictEqual((yield* keys(true)).keys, ["acme", "acme", "zeta", undefined])
      const hashed = yield* keys(false)
      assert.notInclude(hashed.text, "acme")
      assert.strictEqual(hashed.keys[0], hashed.keys[1])
      assert.notStrictEqual(hashed.keys[0], hashed.keys[2])
      assert.strictEqual(hashed.keys[3], undefined)
    })
  )

  it.effect("has on the disk within a second what has ended", () =>
    recorded(one)((bench, files) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(1)
        yield* bench.call("a")
        yield* TestClock.adjust(998)
        assert.notInclude(files.text(path), "succeeded")
        yield* TestClock.adjust(1)
        assert.include(files.text(path), "succeeded")
        // Where nothing happens nothing is written.
        const length = files.text(path).length
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(files.text(path).length, length)
      })
    )
  )

  it.effect("says how many workers there were, how long, what has not ended, and that it is whole", () =>
    Effect.gen(function* () {
      const files = yield* recorded({ minWorkers: 2, maxWorkers: 5 })((bench) =>
        Effect.gen(function* () {
          bench.on("never", Effect.never)
          yield* bench.submit("never")
          yield* TestClock.adjust(1500)
          yield* bench.pool.resize(5)
          yield* TestClock.adjust(500)
        })
      )
      const mark = (yield* readAll(files)).at(-1)!
      assert.strictEqual(mark._tag, "Mark")
      const { salt: _, ...rest } = mark as Extract<Recording.Entry, { _tag: "Mark" }>
      assert.deepStrictEqual(rest, {
        _tag: "Mark",
        atMillis: 2000,
        workers: 5,
        workerMillis: 2 * 1500 + 5 * 500,
        pending: 1,
        lost: 0,
        closed: true
      })
    })
  )

  it.effect("a disk that is full costs its lines, which are counted in the file once it takes some again", () =>
    Effect.gen(function* () {
      const files = yield* recorded(one)((bench, files, recording) =>
        Effect.gen(function* () {
          for (const disk of ["well", "full", "full", "well"] as const) {
            files.disk = disk
            yield* bench.call("x")
            yield* bench.call("x")
            yield* TestClock.adjust(1000)
          }
          assert.deepStrictEqual(yield* recording.counts, { written: 4, lost: 4 })
          assert.strictEqual((yield* bench.pool.snapshot).succeeded, 8)
        })
      )
      const entries = yield* readAll(files)
      const marks = entries.filter((entry) => entry._tag === "Mark")
      assert.strictEqual(marks.at(-1)!.lost, 4)
      // What was written of a line that was cut is passed over.
      assert.isTrue(entries.some((entry) => entry._tag === "Header" && entry.afterCut))
    })
  )

  it.effect("a disk that gives no answer holds up neither the pool nor its end, and memory is bounded", () =>
    Effect.gen(function* () {
      const files = yield* withPool(one)((bench) =>
        Effect.gen(function* () {
          const files = new MemoryFiles()
          const scope = yield* Scope.make()
          const recording = yield* Recording.make(bench.pool, { path, maxUnwritten: 2048 }).pipe(
            Scope.provide(scope),
            Effect.provideService(FileSystem.FileSystem, files.service)
          )
          yield* TestClock.adjust(1000)
          files.disk = "hangs"
          yield* bench.call("x")
          yield* TestClock.adjust(1000)
          for (let n = 0; n < 3000; n++) yield* bench.call("x")
          assert.strictEqual((yield* bench.pool.snapshot).succeeded, 3001)
          assert.strictEqual((yield* recording.counts).lost, 3000 - 2048)
          const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
          yield* TestClock.adjust(999)
          assert.strictEqual(closing.pollUnsafe(), undefined)
          yield* TestClock.adjust(1)
          assert.notStrictEqual(closing.pollUnsafe(), undefined)
          return files
        })
      )
      assert.include(files.text(path), '"workers":1')
    })
  )

  it.effect("is written before its second when much has ended, and a part that cannot be costs no other", () =>
    Effect.gen(function* () {
      const files = yield* recorded(one)((bench, files, recording) =>
        Effect.gen(function* () {
          yield* TestClock.adjust(1)
          for (const disk of ["full", "well"] as const) {
            files.disk = disk
            for (let n = 0; n < most; n++) yield* bench.call("x")
            yield* TestClock.adjust(1)
          }
          const { lost, written } = yield* recording.counts
          assert.isAtLeast(lost, 8 * 1024)
          assert.isAtLeast(written, 8 * 1024)
          yield* TestClock.adjust(1000)
          assert.strictEqual((yield* recording.counts).lost, lost)
          assert.strictEqual((yield* recording.counts).written + lost, 2 * most)
        })
      )
      const last = (yield* readAll(files)).at(-1)!
      assert.isAtMost(last._tag === "Mark" ? last.lost : Number.NaN, most)
    })
  )

  it.effect("turns over to the next file once one is full, and gives up the oldest", () =>
    Effect.gen(function* () {
      const files = yield* recorded(one, { maxBytes: 65_536 })((bench) =>
        Effect.gen(function* () {
          for (let n = 0; n < 30; n++) {
            for (let m = 0; m < 100; m++) yield* bench.call("x")
            yield* TestClock.adjust(1000)
          }
        })
      )
      const names = [path, `${path}.1`, `${path}.2`, `${path}.3`]
      assert.deepStrictEqual([...files.contents.keys()].toSorted(), names)
      for (const name of names) assert.isAtMost(files.contents.get(name)!.length, 65_536 / 4)
      const all = yield* readAll(files)
      const parts = all.flatMap((entry) => (entry._tag === "Header" ? [entry.header.part] : []))
      assert.deepStrictEqual(
        parts,
        parts.map((_, n) => parts[0]! + n)
      )
      const ats = requestsIn(all).map(({ atMillis }) => atMillis)
      assert.deepStrictEqual(
        ats,
        ats.toSorted((a, b) => a - b)
      )
      assert.strictEqual(ats.at(-1), 29_000)
    })
  )

  it.effect("loses nothing when another process turns the file over at the same moment", () =>
    Effect.gen(function* () {
      const others = "w/other.jsonl"
      const files = yield* recorded(one, { maxBytes: 65_536 })((bench, memory) =>
        Effect.gen(function* () {
          memory.beforeRename = () => {
            if (!memory.contents.has(path)) return
            memory.contents.set(others, memory.contents.get(path)!)
            memory.contents.delete(path)
            memory.beforeRename = () => {}
          }
          for (let n = 0; n < 12; n++) {
            for (let m = 0; m < 100; m++) yield* bench.call("x")
            yield* TestClock.adjust(1000)
          }
        })
      )
      const all = [...(yield* readAll(files, [others])), ...(yield* readAll(files))]
      assert.strictEqual(requestsIn(all).length, 1200)
      assert.isTrue(all.every((entry) => entry._tag !== "Mark" || entry.lost === 0))
    })
  )

  it.effect("has when the load is looked at next, and nothing of it where nobody looks", () =>
    Effect.gen(function* () {
      const firstTick = (scaling: ElasticPool.Options["scaling"], waits: number) =>
        Effect.gen(function* () {
          const files = new MemoryFiles()
          yield* withPool({ ...one, scaling, scalingInterval: 1000 })(({ pool }) =>
            Effect.gen(function* () {
              yield* TestClock.adjust(waits)
              yield* Effect.scoped(Recording.make(pool, { path }))
            }).pipe(Effect.provideService(FileSystem.FileSystem, files.service))
          )
          const [header] = yield* readAll(files)
          return header!._tag === "Header" ? header!.header.pool.firstTickMillis : Number.NaN
        })
      assert.strictEqual(yield* firstTick(ScalingPolicy.adaptive(), 0), 1000)
      assert.strictEqual(yield* firstTick(ScalingPolicy.adaptive(), 5300), 700)
      assert.strictEqual(yield* firstTick("none", 300), undefined)
    })
  )

  it.effect("has what its pool was set to beyond the usual, and names what it does not have", () =>
    Effect.gen(function* () {
      const settings = (options: ElasticPool.Options) =>
        Effect.gen(function* () {
          const files = yield* recorded({ ...one, ...options })(() => Effect.void)
          const [header] = yield* readAll(files)
          if (header!._tag !== "Header") return assert.fail()
          const { agingMillis, besides, keyCapacity, order, shedding } = header!.header.pool
          return { agingMillis, besides, keyCapacity, order, shedding }
        })
      const usual = { agingMillis: undefined, besides: undefined, keyCapacity: undefined, order: undefined }
      assert.deepStrictEqual(yield* settings({}), { ...usual, shedding: undefined })
      assert.deepStrictEqual(yield* settings({ strategy: "shedding", shedding: { target: 50 } }), {
        ...usual,
        shedding: { targetMillis: 50, intervalMillis: 500 }
      })
      const limits = [Limit.make({ name: "mailer", concurrency: 2 })]
      const all = { limits, aging: "none", order: "lifo", keyCapacity: 5, weight: () => 1 } as const
      assert.deepStrictEqual(yield* settings({ ...all, retryBudget: RetryBudget.make() }), {
        agingMillis: "none",
        besides: ["limits", "weights", "retryBudget"],
        keyCapacity: 5,
        order: "lifo",
        shedding: undefined
      })
    })
  )

  it.effect("goes on in a file that is one, behind a line that was cut", () =>
    Effect.gen(function* () {
      const first = yield* recorded(one)((bench) => Effect.andThen(bench.call("x"), TestClock.adjust(1000)))
      const text = first.text(path)
      const cut = text.slice(0, text.lastIndexOf("\n", text.length - 2) + 10)
      const files = new MemoryFiles()
      files.set(path, cut)
      yield* withPool(one)((bench) =>
        Effect.gen(function* () {
          yield* TestClock.adjust(5000)
          yield* bench.call("y")
        }).pipe(
          (test) => Effect.andThen(Recording.make(bench.pool, { path }), test),
          Effect.scoped,
          Effect.provideService(FileSystem.FileSystem, files.service)
        )
      )
      const entries = yield* readAll(files)
      assert.deepStrictEqual(
        entries.flatMap((entry) => (entry._tag === "Header" ? [entry.afterCut] : [])),
        [false, true]
      )
      assert.strictEqual(requestsIn(entries).length, 2)
    })
  )

  it.effect("keeps its lines apart from those of another one in the same file, and goes on in one that was cut", () =>
    Effect.gen(function* () {
      const files = new MemoryFiles()
      const work = (pool: Bench) => pool.submit("a").pipe(Effect.andThen(TestClock.adjust(1500)))
      const begin = ({ pool }: Bench) =>
        Recording.make(pool, { path }).pipe(Effect.provideService(FileSystem.FileSystem, files.service))
      yield* withPool(one)((early) =>
        withPool(one)((late) =>
          Effect.scoped(
            Effect.gen(function* () {
              early.on("a", Effect.as(Effect.sleep(10), "a"))
              late.on("a", Effect.as(Effect.sleep(10), "a"))
              yield* begin(early)
              yield* TestClock.adjust(10_000)
              yield* begin(late)
              for (const pool of [early, late, early, late]) yield* work(pool)
            })
          )
        )
      )
      const entries = yield* readAll(files)
      assert.deepStrictEqual(
        requestsIn(entries).map(({ atMillis }) => atMillis),
        [10_000, 11_500, 13_000, 14_500]
      )
      const closed = entries.flatMap((entry) => (entry._tag === "Mark" && entry.closed ? [entry.atMillis] : []))
      assert.deepStrictEqual(closed, [16_000, 16_000])

      const cut = yield* recorded(one)((bench, files) =>
        Effect.gen(function* () {
          bench.on("a", Effect.as(Effect.sleep(10), "a"))
          yield* work(bench)
          files.set(path, "")
          yield* work(bench)
        })
      )
      assert.deepStrictEqual(
        (yield* requests(cut)).map(({ atMillis }) => atMillis),
        [1500]
      )
    })
  )

  it.effect("refuses a file that is something else, a place that is not there, a second one, and wrong options", () =>
    recorded(one)((bench, files) =>
      Effect.gen(function* () {
        const why = (options: Recording.Options, pool = bench.pool) =>
          Recording.make(pool, options).pipe(
            Effect.scoped,
            Effect.provideService(FileSystem.FileSystem, files.service),
            Effect.flip,
            Effect.map(({ message }) => message)
          )
        assert.strictEqual(yield* why({ path }), 'Expected `pool` to be one without a recording, got "default"')
        assert.strictEqual(
          yield* why({ path, maxBytes: 10 }),
          "Expected `maxBytes` to be a whole number, at least 65536, got 10"
        )
        assert.strictEqual(
          yield* why({ path }, { ...bench.pool }),
          'Expected `pool` to be a pool of this package, got "another one"'
        )
        yield* withPool(one)(({ pool }) =>
          Effect.gen(function* () {
            files.set("other.csv", "time,type\n1,A\n")
            assert.strictEqual(
              yield* why({ path: "other.csv" }, pool),
              'Cannot record to other.csv: expected a recording or nothing there, got a file that begins with "time,type\\n1,A\\n"'
            )
            assert.match(yield* why({ path: "nowhere/x" }, pool), /^Cannot record to nowhere\/x: NotFound/)
          })
        )
      })
    )
  )
})
