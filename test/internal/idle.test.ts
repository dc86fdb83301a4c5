/** Idle workers are woken at once where a turn has time, and else a few at a time in one that has. */
import { beforeEach, describe, expect, it } from "@effect/vitest"
import { IdleWorkers } from "../../src/internal/idle.ts"
import type { Turn } from "../../src/internal/runtime.ts"
import type { Worker } from "../../src/internal/worker.ts"

let isOver: boolean
let line: Array<() => void>
const turn = {
  isOver: () => isOver,
  queue: (task: () => void) => void line.push(task),
  run: (_: number, task: () => void) => task(),
  defer: (task: () => void) => void line.push(task)
} as unknown as Turn

let woken: Array<number>
let series: number
let isHeld: boolean
const queue = { free: 0, hasRoomForAny: true }
let idle: IdleWorkers

/** The turn that was over makes room for one that has time. */
const nextTurn = () => {
  isOver = false
  for (const task of line.splice(0)) task()
}
/** What the woken have started may end. */
const microtasks = () => new Promise(setImmediate)

beforeEach(() => {
  isOver = isHeld = false
  line = []
  woken = []
  series = queue.free = 0
  queue.hasRoomForAny = true
  idle = new IdleWorkers({ now: () => 0, queue, turn, mayWake: () => !isHeld, onWoken: () => void series++ })
  for (let id = 1; id <= 20; id++) idle.add({ id, wake: () => void woken.push(id) } as unknown as Worker)
})

describe("IdleWorkers", () => {
  it("where a turn has time each request wakes one, the last that became idle first", () => {
    queue.free = 2
    idle.wake()
    idle.wake()
    expect(woken).toEqual([20, 19])
    expect(idle.isWaking).toBe(false)
  })

  it("where a turn is over they are woken in the next one, though many ask", async () => {
    isOver = true
    queue.free = 3
    for (let asked = 0; asked < 3; asked++) idle.wake()
    expect(woken).toEqual([])
    expect(line).toHaveLength(1)
    nextTurn()
    queue.free = 0
    await microtasks()
    expect([woken.length, series, idle.isWaking]).toEqual([8, 1, false])
  })

  it("those that were woken first may take all that waits before others are woken for it", async () => {
    isOver = true
    queue.free = 100
    idle.wakeLater()
    nextTurn()
    expect(woken).toEqual([20, 19, 18, 17, 16, 15, 14, 13])
    queue.free = 0
    await microtasks()
    expect(woken).toHaveLength(8)
    expect(series).toBe(1)
  })

  it("while more waits all of them are woken in one turn, and whoever starts more is told", async () => {
    isOver = true
    queue.free = 100
    idle.wakeLater()
    nextTurn()
    idle.wake()
    expect(woken).toHaveLength(8)
    await microtasks()
    expect([woken.length, series, idle.isWaking]).toEqual([20, 1, false])
  })

  it("in between one is woken for what fills the queue, so that the next is not refused", async () => {
    isOver = true
    queue.free = 100
    idle.wakeLater()
    nextTurn()
    queue.hasRoomForAny = false
    idle.wake()
    expect(woken).toHaveLength(9)
    isOver = true
    idle.wake()
    expect(woken).toHaveLength(9)
    await microtasks()
    expect(line).toHaveLength(1)
  })

  it("they give the host its turn in between", async () => {
    isOver = true
    queue.free = 100
    idle.wakeLater()
    nextTurn()
    isOver = true
    await microtasks()
    expect(woken).toHaveLength(8)
    nextTurn()
    await microtasks()
    expect(woken).toHaveLength(20)
  })

  it("nobody is woken once a pause has begun", async () => {
    isOver = true
    queue.free = 100
    idle.wakeLater()
    isHeld = true
    nextTurn()
    await microtasks()
    expect([woken.length, series, idle.isWaking]).toEqual([0, 1, false])
    isHeld = false
    idle.wake()
    expect(woken).toEqual([20])
  })

  it("while they are woken whoever listens hears once more waits than there are of them", () => {
    isOver = true
    queue.free = 20
    let told = 0
    idle.listen(() => void told++)
    idle.wakeLater()
    idle.wake()
    expect(line).toHaveLength(1)
    queue.free = 21
    idle.wake()
    idle.wake()
    expect(line).toHaveLength(2)
    line[1]!()
    expect(told).toBe(1)
  })
})
