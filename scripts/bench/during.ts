/** The clock and the processor while something runs. */
import { readFileSync } from "node:fs"
import type { Measurement } from "./load.ts"

export const during = async (n: number, work: () => Promise<void>): Promise<Measurement> => {
  const cpu = process.cpuUsage()
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1_000
  const { system, user } = process.cpuUsage(cpu)
  return {
    n,
    rate: n / seconds,
    cpuMicros: (system + user) / n,
    peakMegabytes: peakMegabytes()
  }
}

/**
 * The most memory that this process has had. Its `maxRSS` begins with what the parent had that started it, even across an `exec`:
 * where the kernel tells its own figure, that is taken.
 */
export const peakMegabytes = (): number => {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024
  } catch {
    return process.resourceUsage().maxRSS / 1024
  }
}
