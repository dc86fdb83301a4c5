/** Handlers on threads: one never ends, and is stopped, while others go on. Run it: `npm run example examples/threads-effect.ts`. */
import { Effect, Fiber, Layer, Stream } from "effect"
import { ElasticPool, Handlers, WorkerPool } from "effect-worker-pool"
import * as Threads from "effect-worker-pool/Threads"
import { Images } from "./images.ts"

const PoolLayer = ElasticPool.layer({ minWorkers: 2, maxWorkers: 2, timeout: "20 seconds" }).pipe(
  Layer.provide(Handlers.layer(Images)),
  Layer.provideMerge(
    Threads.layer(Images, { module: new URL("./image-handlers.ts", import.meta.url), min: 2, max: 2, spare: 1 })
  )
)

const program = Effect.gen(function* () {
  const { events, snapshot } = yield* WorkerPool.WorkerPool
  const { Blur, Mandelbrot } = yield* WorkerPool.client(Images)
  const killing = yield* Effect.forkChild(
    events.pipe(
      Stream.filter((event) => event._tag === "ThreadChanged" && event.change === "killed"),
      Stream.runHead
    ),
    { startImmediately: true }
  )

  // It computes for ever on one of the two threads.
  const endless = yield* Effect.forkChild(
    Effect.flip(Mandelbrot({ side: 10, steps: Infinity }, { timeout: "2 seconds" })),
    { startImmediately: true }
  )

  // Its neighbour goes on meanwhile, and so does this program.
  const pixels = new Uint8Array(64 * 64).map((_, at) => at % 256)
  for (const radius of [1, 2, 4]) {
    const blurred = yield* Blur({ pixels, width: 64, radius })
    console.log(`radius ${radius}: ${blurred.slice(0, 4).join(" ")}`)
  }
  console.log(`running: ${(yield* snapshot).running}`)

  // Its caller is told at its time, and its thread is ended, since it does not hear.
  console.log((yield* Fiber.join(endless)).message)
  yield* Fiber.join(killing)
  console.log(`killed: ${(yield* Threads.stats).killed}`)

  // Both threads are there again: the spare one has taken its place.
  const sides = [64, 128]
  console.log(yield* Effect.forEach(sides, (side) => Mandelbrot({ side, steps: 100 }), { concurrency: "unbounded" }))
})

await Effect.runPromise(Effect.provide(program, PoolLayer))
// => radius 1: 32 33 34 35
// => radius 2: 65 65 66 67
// => radius 4: 78 79 79 80
// => running: 1
// => "Mandelbrot" ran for longer than 2000 ms (attempt 1)
// => killed: 1
// => [ 717, 2831 ]
