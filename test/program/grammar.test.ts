/** What stands after `--policy`, `--arrivals` and `--service`, and durations. */
import { Effect, Result } from "effect"
import { writeFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import type { BadUsage } from "../../src/program/errors.ts"
import { parseArrivals, parseService } from "../../src/program/simulate/loadFlags.ts"
import { parsePolicy } from "../../src/program/settings/policyFlag.ts"
import { millisOf, shareOf } from "../../src/program/settings/quantities.ts"
import { countAfter } from "../../src/program/simulate/traces.ts"
import { temporary } from "./fixtures/program.ts"

const run = <A>(effect: Effect.Effect<A, BadUsage>) => Effect.runPromise(Effect.result(effect))
const value = async <A>(effect: Effect.Effect<A, BadUsage>): Promise<A> => Result.getOrThrow(await run(effect))
const refusal = async (effect: Effect.Effect<unknown, BadUsage>): Promise<string | undefined> => {
  const result = await run(effect)
  return Result.isFailure(result) ? result.failure.message : undefined
}

describe("a duration", () => {
  it.each([
    ["250", 250],
    ["500ms", 500],
    ["1.5s", 1500],
    ["10m", 600_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["2 seconds", 2000],
    ["100ms", 100],
    ["soon", undefined],
    ["", undefined],
    ["1w", undefined],
    ["-1s", undefined],
    ["Infinity", undefined]
  ])("%j is %j", (text, millis) => {
    expect(millisOf(text)).toBe(millis)
  })
})

it.each([
  ["0.05", 0.05],
  ["5%", 0.05],
  ["100%", 1],
  ["101%", undefined],
  ["-1%", undefined],
  ["%", undefined],
  ["x", undefined]
])("a share of %j is %j", (text, share) => {
  expect(shareOf(text)).toBe(share)
})

describe("the options of a policy", () => {
  it("follow it, each with its name", async () => {
    for (const text of [
      "adaptive:waitTarget=50ms:clearWithin=1s:cooldown=0:deadBand=0.2:fallPerSecond=1",
      "queueLength:10:step=4:lowWater=0.5",
      "gradient:tolerance=2:initial=5:least=2",
      "adaptive:waitTarget=1s,fixed:7"
    ]) {
      expect((await value(parsePolicy(text))).text).toBe(text)
    }
    const signals = { paused: false, target: 1, waiting: 30, heldBack: 0 } as never
    expect((await value(parsePolicy("queueLength:10:step=4"))).policy.decide(signals, undefined).workers).toBe(5)
  })

  it.each([
    ["adaptive:50ms", "to be adaptive"],
    ["adaptive:wait=50ms", "to be adaptive"],
    ["adaptive:waitTarget=soon", "to be adaptive"],
    ["adaptive:waitTarget=1s:waitTarget=2s", "to be adaptive"],
    ["adaptive:waitTarget=1=2", "to be adaptive"],
    ["fixed:7:step=1", "to be adaptive"],
    ["queueLength:step=4", "to be adaptive"],
    ["adaptive:waitTarget=0", "to have a waitTarget that is a finite duration above zero, got 0"],
    ["queueLength:10:step=0", "to have a step that is a whole number, at least 1, got 0"],
    ["queueLength:0:step=1", "to have an N that is a whole number, at least 1, got 0"]
  ])("are refused where they are wrong: %s", async (text, says) => {
    expect(await refusal(parsePolicy(text))).toContain(says)
  })
})

describe("a policy", () => {
  it.each([
    ["adaptive", "adaptive", undefined],
    ["gradient", "gradient", undefined],
    ["fixed:10", "fixed", 10],
    ["queueLength:100", "queueLength", undefined],
    ["adaptive,gradient", "min(adaptive, gradient)", undefined],
    ["fixed:5, adaptive, fixed:7", "min(fixed, adaptive, fixed)", 7]
  ])("%s", async (text, name, fixed) => {
    expect(await value(parsePolicy(text))).toMatchObject({ text, policy: { name }, fixed })
  })

  it.each(["", "hope", "fixed", "fixed:", "fixed:x", "fixed:1:2", "adaptive:1", "adaptive,", "toString"])(
    "%j is none",
    async (text) => {
      expect(await refusal(parsePolicy(text))).toBe(
        `Expected --policy to be adaptive, gradient, fixed:N, queueLength:N, or several of them with commas between, with N a whole number, got "${text}"`
      )
    }
  )

  it.each([
    ["fixed:1.5", "at least 0, got 1.5"],
    ["queueLength:0", "at least 1, got 0"]
  ])("%s has no such N", async (text, says) => {
    expect(await refusal(parsePolicy(text))).toBe(
      `Expected --policy ${text} to have an N that is a whole number, ${says}`
    )
  })
})

describe("arrivals", () => {
  it.each([
    ["poisson:9", "poisson:9"],
    ["constant:2.5", "constant:2.5"],
    ["step:100,1000,30s", "step:100,1000,30s"],
    ["step:100,1000,500 ms", "step:100,1000,500ms"],
    ["ramp:1,5", "ramp:1,5"],
    ["ramp:1,5,1m,2m", "ramp:1,5,60s,120s"],
    ["spike:1,5,10s,3000", "spike:1,5,10s,3s"],
    ["daily:1,5", "daily:1,5"],
    ["daily:1,5,24h", "daily:1,5,86400s"]
  ])("%s", async (text, name) => {
    expect((await value(parseArrivals(text))).name).toBe(name)
  })

  const forms =
    "poisson:RATE constant:RATE step:BEFORE,AFTER,AT ramp:FROM,TO[,START,END] spike:BASE,PEAK,AT,LENGTH burst:COUNT[,AT] daily:LOW,HIGH[,PERIOD] csv:FILE"
  const rate = "a number of requests per second, at least 0"
  it.each([
    ["", `to be one of ${forms}`],
    ["hope:1", `to be one of ${forms}`],
    ["toString:1", `to be one of ${forms}`],
    ["csv:", `to be one of ${forms}`],
    ["poisson", `poisson:RATE with RATE ${rate}`],
    ["poisson:-1", `poisson:RATE with RATE ${rate}`],
    ["poisson:NaN", `poisson:RATE with RATE ${rate}`],
    ["poisson:1,2", "to be poisson:RATE"],
    ["step:1,2", "to be step:BEFORE,AFTER,AT"],
    ["step:1,x,3s", `step:BEFORE,AFTER,AT with AFTER ${rate}`],
    ["step:1,2,soon", "step:BEFORE,AFTER,AT with AT a duration such as 500ms, 30s or 2h, at least 0"],
    ["ramp:1,2,3s", "to be ramp:FROM,TO[,START,END]"],
    ["ramp:1,2,3s,3s", "ramp:FROM,TO[,START,END] with END to be after START"],
    ["daily:1,2,0", "daily:LOW,HIGH[,PERIOD] with PERIOD a duration such as 24h, above 0"]
  ])("%j is refused", async (text, says) => {
    expect(await refusal(parseArrivals(text))).toBe(`Expected --arrivals ${says}, got "${text}"`)
  })
})

describe("service times", () => {
  it.each([
    ["constant:100ms", 100],
    ["exponential:1s", 1000],
    ["lognormal:2s,1.5", 2000],
    ["bimodal:10ms,110ms", 20],
    ["bimodal:10ms,110ms,0.5", 60],
    ["bimodal:10ms,110ms,50%", 60]
  ])("%s have a mean of %d ms", async (text, mean) => {
    expect((await value(parseService(text))).meanMillis).toBeCloseTo(mean)
  })

  it.each([
    [
      "hope",
      "to be one of constant:TIME exponential:MEAN lognormal:MEAN,SIGMA bimodal:FAST,SLOW[,SHARE_OF_SLOW] csv:FILE"
    ],
    ["constant:-1", "constant:TIME with TIME a duration such as 500ms, 30s or 2h, at least 0"],
    ["lognormal:1s,-1", "lognormal:MEAN,SIGMA with SIGMA a number, at least 0"],
    ["bimodal:1,2,3", "bimodal:FAST,SLOW[,SHARE_OF_SLOW] with SHARE_OF_SLOW a share from 0 to 1, or a percentage"]
  ])("%j is refused", async (text, says) => {
    expect(await refusal(parseService(text))).toBe(`Expected --service ${says}, got "${text}"`)
  })
})

describe("a recording", () => {
  const files = temporary()
  const csv = (text: string) => {
    const path = files.path("load.csv")
    writeFileSync(path, text)
    return path
  }
  const arrivals = async (text: string) => [
    ...(await value(parseArrivals(`csv:${csv(text)}`))).draw(undefined as never, Infinity)
  ]
  const at = (...all: ReadonlyArray<readonly [number, string?]>) =>
    all.map(([atMillis, type = "Work"]) => ({ atMillis, type }))

  it.each<[string, string, ReadonlyArray<object>]>([
    ["times, and sorts them", "20\n10.5\n", at([10.5], [20])],
    [
      "a header, types, quotes and blank lines",
      'time,type\r\n5,"A"\r\n\r\n 7 ,"B,""C"""\r\n',
      at([5, "A"], [7, 'B,"C"'])
    ],
    [
      "keys and priorities, where there are any",
      "time,type,key,priority\n1,A,gold,5\n2,A,,\n3,A,gold,\n",
      [
        { atMillis: 1, type: "A", key: "gold", priority: 5 },
        { atMillis: 2, type: "A" },
        { atMillis: 3, type: "A", key: "gold" }
      ]
    ],
    ["timestamps from the earliest on", "2026-01-02T00:00:01Z\n2026-01-02 00:00:00.250\n", at([0], [750])],
    ["timestamps of other zones", "2026-01-02T01:00:00+01:00\n2026-01-02T00:00:01Z\n", at([0], [1000])],
    ["milliseconds since 1970", "1767312000500\n1767312000000\n", at([0], [500])],
    ["timestamps beside milliseconds since 1970", "2026-01-02T00:00:00Z\n1767312000500\n", at([0], [500])]
  ])("of arrivals reads %s", async (_, text, expected) => {
    expect(await arrivals(text)).toEqual(expected)
  })

  it.each([
    [
      "",
      'Expected FILE to have rows of "time" or "time,type" or "time,type,key" or "time,type,key,priority", got none'
    ],
    [
      "time\n",
      'Expected FILE to have rows of "time" or "time,type" or "time,type,key" or "time,type,key,priority", got none'
    ],
    [
      "1,A,x,1,2\n",
      'FILE, line 1: expected the columns "time" or "time,type" or "time,type,key" or "time,type,key,priority", got "1,A,x,1,2"'
    ],
    ["1,A,x,11\n", 'FILE, line 1: expected a priority from -10 to 10, or nothing, got "11"'],
    ["1,A\n2\n", 'FILE, line 2: expected 2 column(s) as in line 1, got "2"'],
    [
      "1\n\n-2\n",
      'FILE, line 3: expected milliseconds since the start, at least 0, or an ISO 8601 timestamp, got "-2"'
    ],
    [
      "1\nNaN\n",
      'FILE, line 2: expected milliseconds since the start, at least 0, or an ISO 8601 timestamp, got "NaN"'
    ],
    [
      '1,"a\nb"\nx,B\n',
      'FILE, line 3: expected milliseconds since the start, at least 0, or an ISO 8601 timestamp, got "x"'
    ],
    [
      "2026-01-02T00:00:00Z\n5\n",
      'FILE, line 2: expected a time of day as in line 1 (ISO 8601, or milliseconds since 1970), got "5"'
    ],
    [
      "2026-13-02T00:00:00Z\n",
      'FILE, line 1: expected milliseconds since the start, at least 0, or an ISO 8601 timestamp, got "2026-13-02T00:00:00Z"'
    ],
    ["1,\n", 'FILE, line 1: expected a type that is not empty, got ""'],
    ['1\n"2\n', "FILE, line 2: "]
  ])("of arrivals refuses %j", async (text, says) => {
    const path = csv(text)
    expect(await refusal(parseArrivals(`csv:${path}`))).toContain(says.replace("FILE", path))
  })

  it("that is no file is refused by its name", async () => {
    expect(await refusal(parseArrivals(`csv:${files.path()}`))).toMatch(/^cannot read .*ENOENT/)
  })

  it("tells how many arrivals come after an instant", async () => {
    expect(countAfter(await value(parseArrivals(`csv:${csv("1\n5\n6\n")}`)), 5)).toBe(1)
  })

  it.each([
    ["milliseconds\n10\n20\n", ["A", "B", "A"], [10, 20, 10]],
    ["type,milliseconds\nA,10\nB,20\nA,30\n", ["A", "B", "A"], [10, 20, 30]]
  ])("of service times %j gives them one after the other", async (text, types, expected) => {
    const sample = (await value(parseService(`csv:${csv(text)}`))).sampler(undefined as never)
    // Of a recording without types those of all types are one row.
    expect(text.startsWith("type") ? types.map(sample) : types.map(() => sample("Work"))).toEqual(expected)
  })

  it.each([
    ["x\n", 'line 1: expected milliseconds, at least 0, got "x"'],
    ["1\n-1\n", 'line 2: expected milliseconds, at least 0, got "-1"'],
    ["A,\n", 'line 1: expected milliseconds, at least 0, got ""']
  ])("of service times refuses %j", async (text, says) => {
    expect(await refusal(parseService(`csv:${csv(text)}`))).toContain(says)
  })
})
