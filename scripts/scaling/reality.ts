/**
 * Runs three traces of 20 s twice, in real time and simulated, and keeps both in `docs/scaling/reality.json`.
 *
 * `npm run scaling:reality`: the same requests with the same service times, the same pool and policy; only the
 * clock differs. About a minute. The machine should have nothing else to do.
 */
import { Effect, Exit, Layer, References, Scope } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ElasticPool, Handlers, ScalingPolicy } from "../../src/index.ts"
import * as Simulation from "../../src/Simulation.ts"
import { Meter } from "../../src/simulation/meter.ts"
import { type Job, jobs, Workload } from "../../src/simulation/workload.ts"

export interface RealityRow {
  readonly title: string
  readonly policy: string
  readonly requests: number
  readonly real: Compared
  readonly simulated: Compared
}

interface Compared {
  readonly waitP99: number
  readonly workerSeconds: number
}

const { Arrivals, ServiceTimes } = Simulation
const durationMillis = 20_000
const seed = "1"

const traces = [
  {
    title: "Poisson arrivals of 45/s, exponential service of 200 ms",
    policy: ScalingPolicy.fixed(10),
    arrivals: Arrivals.poisson(45),
    service: ServiceTimes.exponential(200)
  },
  {
    title: "A step from 20/s to 200/s after 8.4 s, 150 ms each",
    policy: ScalingPolicy.adaptive(),
    // Not at a tick: there a millisecond would decide what the tick sees, and the two clocks are not so near to each other.
    arrivals: Arrivals.step(20, 200, 8_400),
    service: ServiceTimes.constant(150)
  },
  {
    title: "A spike of 150/s for 6 s on 30/s, log-normal service of 100 ms",
    policy: ScalingPolicy.queueLength({ threshold: 20 }),
    arrivals: Arrivals.spike(30, 150, 5_000, 6_000),
    service: ServiceTimes.lognormal(100, 0.8)
  }
]
type Trace = (typeof traces)[number]

const compared = ({ wait, workerSeconds }: Pick<Simulation.Figures, "wait" | "workerSeconds">): Compared => ({
  waitP99: wait.p99,
  workerSeconds
})

const live = ({ arrivals, policy, service }: Trace) =>
  Effect.gen(function* () {
    const start = performance.now()
    const now = () => performance.now() - start
    const meter = new Meter({
      warmupMillis: 0,
      durationMillis: Infinity,
      waitTargetMillis: 100,
      tickMillis: 1000,
      capacity: undefined
    })
    const workload = new Workload(arrivals.types, {
      failures: 0,
      downstream: undefined,
      onStart: (job) => meter.onStart(job, now()),
      onRetry: (job) => meter.onRetry(job),
      onServed: () => {}
    })
    const scope = yield* Scope.make()
    const { pool } = yield* ElasticPool.make({ strategy: "dropping", scaling: policy }).pipe(
      Effect.provide(Layer.succeed(Handlers.Handlers, workload.handlers)),
      Scope.provide(scope)
    )
    const outstanding = new Set<Job>()
    const look = () => meter.onInstant(now(), Effect.runSync(pool.snapshot))
    for (const job of jobs(arrivals, service, durationMillis, seed)) {
      if (job.atMillis > now()) yield* Effect.sleep(job.atMillis - now())
      meter.onArrival(job)
      outstanding.add(job)
      const fiber = yield* Effect.forkDetach(pool.execute(workload.handlers.get(job.type)!.rpc, job as never), {
        startImmediately: true
      })
      fiber.addObserver((exit) => {
        outstanding.delete(job)
        meter.onEnd(job, Exit.isSuccess(exit) ? "completed" : "failed", now())
        look()
      })
      look()
    }
    while (outstanding.size > 0 || now() < durationMillis) {
      yield* Effect.sleep(5)
      look()
    }
    const figures = meter.finish(now())
    yield* Scope.close(scope, Exit.void)
    return figures
  })

const rows: Array<RealityRow> = []
for (const trace of traces) {
  const { arrivals, policy, service, title } = trace
  const simulated = await Effect.runPromise(
    Simulation.run({ arrivals, policy, service, duration: durationMillis, seed })
  )
  const real = await Effect.runPromise(Effect.provideService(live(trace), References.MinimumLogLevel, "Warn"))
  rows.push({
    title,
    policy: policy.name,
    requests: simulated.arrived,
    real: compared(real),
    simulated: compared(simulated)
  })
  const off = (key: keyof Compared) => `${(100 * (compared(simulated)[key] / compared(real)[key] - 1)).toFixed(1)} %`
  console.log(
    `${title}: p99 of waiting ${real.wait.p99.toFixed(0)} ms, simulated ${simulated.wait.p99.toFixed(0)} (${off("waitP99")}); ` +
      `worker-seconds ${real.workerSeconds.toFixed(1)}, simulated ${simulated.workerSeconds.toFixed(1)} (${off("workerSeconds")})`
  )
}
const folder = join(import.meta.dirname, "../../docs/scaling")
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, "reality.json"), `${JSON.stringify(rows, undefined, 2)}\n`)
