/** `/metrics`: what Prometheus reads, in its naming conventions. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Started, startService } from "./support.ts"

let service: Started
beforeAll(async () => {
  service = await startService({ name: "mine", minWorkers: "2", maxWorkers: "5", capacity: "70" })
})
afterAll(() => service.close())

const metrics = async (): Promise<string> => (await service.ask("GET", "/metrics")).json
const valueOf = (text: string, series: string): number => {
  const line = text.split("\n").find((line) => line.startsWith(`${series} `))
  expect(line, series).toBeDefined()
  return Number(line!.slice(series.length))
}

it("tells each type of request apart, the bounds and the capacity", async () => {
  await service.submit("Echo", { message: "hello" }, 10)
  const text = await metrics()
  expect(valueOf(text, 'worker_pool_handler_attempts_total{pool="mine",type="Echo",end="succeeded"}')).toBe(1)
  expect(valueOf(text, 'worker_pool_handler_offered_total{pool="mine",type="Die"}')).toBe(0)
  expect(valueOf(text, 'worker_pool_min_workers{pool="mine"}')).toBe(2)
  expect(valueOf(text, 'worker_pool_max_workers{pool="mine"}')).toBe(5)
  expect(valueOf(text, 'worker_pool_capacity{pool="mine"}')).toBe(70)
})

it("has the figures of the process", async () => {
  const text = await metrics()
  expect(valueOf(text, "process_start_time_seconds")).toBeCloseTo(performance.timeOrigin / 1000, 3)
  expect(valueOf(text, "process_resident_memory_bytes")).toBeGreaterThan(1e7)
  expect(valueOf(text, "process_cpu_seconds_total")).toBeGreaterThan(0)
  expect(valueOf(text, "process_open_fds")).toBeGreaterThan(3)
  expect(valueOf(text, "process_max_fds")).toBeGreaterThan(valueOf(text, "process_open_fds"))
  for (const which of ["mean", "p50", "p99", "max"]) {
    expect(valueOf(text, `nodejs_eventloop_lag_${which}_seconds`)).toBeGreaterThanOrEqual(0)
  }
})

/** What `promtool check metrics` asks for, as far as it concerns us. */
it("names and describes everything as Prometheus wants it", async () => {
  const text = await metrics()
  const families = [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)]
  expect(families.length).toBeGreaterThan(25)
  for (const [, name, kind] of families) {
    expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, "m"))
    expect([name, name!.endsWith("_total")]).toEqual([name, kind === "counter"])
    expect(name).not.toMatch(/milliseconds|minutes|kilobytes|_(gauge|counter|histogram)$|[A-Z]/)
  }
  const names = families.map(([, name]) => name)
  expect(new Set(names).size).toBe(names.length)
})
