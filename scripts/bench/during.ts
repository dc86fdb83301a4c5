/** The clock and the processor while something runs. */
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
    peakMegabytes: process.resourceUsage().maxRSS / 1024
  }
}
