// A process from its start until its last result: `child.mjs PROGRAM N`. It says then what that took, as one line of JSON.
import { readFileSync } from "node:fs"

const [program, count] = process.argv.slice(2)
const n = Number(count)
const { open } = await import(`./programs/${program}.mjs`)

const cpu = process.cpuUsage()
const began = performance.now()
const start = await open()
const sum = await new Promise((resolve) => {
  let ended = 0
  let sum = 0
  const done = (result) => {
    sum += result
    if (++ended === n) resolve(sum)
  }
  for (let input = 0; input < n; input++) start(input, done)
})
if (sum !== (n * (n - 1)) / 2) throw new Error(`the results of ${n} requests add up to ${sum}`)

const seconds = (performance.now() - began) / 1_000
const { system, user } = process.cpuUsage(cpu)
const all = process.cpuUsage()
// As in `during.ts`, which is no part of a program that starts.
const peakMegabytes = () => {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024
  } catch {
    return process.resourceUsage().maxRSS / 1024
  }
}
const told = {
  seconds,
  cpuMicros: system + user,
  allCpuMicros: all.system + all.user,
  peakMegabytes: peakMegabytes()
}
process.stdout.write(`${JSON.stringify({ ...told, ...globalThis.modules })}\n`, () => process.exit())
