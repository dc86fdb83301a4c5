/**
 * Time that stands still while others have the processor: what a quiet machine would show of a case that sleeps.
 *
 * `node --import ./scripts/bench/ownTime.ts --expose-gc scripts/bench/run.ts effect-worker-pool-promise W2-1024`: clocks, timers
 * and `setImmediate` go by the processor time of the main thread. While nothing is due no time passes but what a host
 * sleeps: whole milliseconds and a little more. Helpers of the collector cost nothing here, so a share comes out somewhat too good.
 * At its end it says on standard error how long the loop was idle, and how long its longest run of timers took.
 */
const { bigint } = process.hrtime
const turn = setImmediate
const drain = (process as unknown as { readonly _tickCallback: () => void })._tickCallback
const cpuMillis = () => {
  const { system, user } = process.threadCpuUsage()
  return (system + user) / 1_000
}
const began = bigint()
const hostMillis = () => Number(bigint() - began) / 1e6

/** Only a pause between two looks at the clock is worth asking whose it was. */
const pauseMillis = 0.15
/** By how much the host sleeps too long. */
const oversleepMillis = 0.06
const looked = { at: hostMillis(), asked: hostMillis(), cpu: cpuMillis() }
let stolen = 0
let slept = 0
let latest = 0

const now = (): number => {
  const at = hostMillis()
  if (at - looked.at > pauseMillis) {
    const cpu = cpuMillis()
    stolen += Math.max(0, at - looked.asked - (cpu - looked.cpu))
    looked.cpu = cpu
    looked.asked = hostMillis()
  }
  looked.at = at
  return (latest = Math.max(latest, at - stolen + slept))
}

class Timer {
  next: Timer | undefined = undefined
  isCleared = false
  readonly at: number
  readonly ring: () => void

  constructor(at: number, ring: () => void) {
    this.at = at
    this.ring = ring
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}

/** Those of one length are due in the order in which they were set, as on the host. */
interface Line {
  head: Timer | undefined
  last: Timer | undefined
}

const lines = new Map<number, Line>()
let immediates: Array<{ readonly run: () => void; isCleared: boolean }> = []

const set = (f: (...args: Array<unknown>) => void, millis = 1, ...args: Array<unknown>): Timer => {
  const length = Math.max(1, Math.trunc(millis) || 1)
  const timer = new Timer(Math.floor(now()) + length, args.length === 0 ? f : () => f(...args))
  let line = lines.get(length)
  if (line === undefined) lines.set(length, (line = { head: undefined, last: undefined }))
  if (line.last === undefined) line.head = timer
  else line.last.next = timer
  line.last = timer
  return timer
}

const shift = (line: Line): void => {
  line.head = line.head!.next
  if (line.head === undefined) line.last = undefined
}

/** The line whose first timer is due first. */
const earliest = (): Line | undefined => {
  let first: Line | undefined
  for (const line of lines.values()) {
    while (line.head?.isCleared === true) shift(line)
    if (line.head !== undefined && (first === undefined || line.head.at < first.head!.at)) first = line
  }
  return first
}

const seen = { idleMillis: 0, longestMillis: 0 }

const runTimers = (): void => {
  const from = now()
  for (let line = earliest(); line !== undefined && line.head!.at <= Math.floor(now()); line = earliest()) {
    const { ring } = line.head!
    shift(line)
    ring()
    drain()
  }
  seen.longestMillis = Math.max(seen.longestMillis, now() - from)
}

const sleep = (): void => {
  const line = earliest()
  const millis = line === undefined ? 0 : line.head!.at - Math.floor(now())
  if (millis <= 0) return
  slept += millis + oversleepMillis
  seen.idleMillis += millis + oversleepMillis
}

const loop = (): void => {
  runTimers()
  const due = immediates
  immediates = []
  if (due.length === 0) sleep()
  for (const immediate of due) {
    if (immediate.isCleared) continue
    immediate.run()
    drain()
  }
  turn(loop)
}

const clear = (timer: { isCleared: boolean } | undefined): void => {
  if (timer !== undefined) timer.isCleared = true
}
const today = Date.now()
performance.now = now
process.hrtime.bigint = () => BigInt(Math.round(now() * 1e6))
Date.now = () => Math.floor(today + now())
Object.assign(globalThis, {
  setTimeout: set,
  clearTimeout: clear,
  setImmediate: (f: (...args: Array<unknown>) => void, ...args: Array<unknown>) => {
    const immediate = { run: () => f(...args), isCleared: false }
    immediates.push(immediate)
    return immediate
  },
  clearImmediate: clear
})
turn(loop)
process.on("exit", () => console.error(JSON.stringify(seen)))
