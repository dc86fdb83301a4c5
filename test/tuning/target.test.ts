/** What a target may look like, and what is said of a text that is none. */
import { Result } from "effect"
import { describe, expect, it } from "vitest"
import { excessOf, isKept, isOf, parse, shown } from "../../src/tuning/target.ts"

const target = (text: string) => Result.getOrThrow(parse(text))
const refusal = (text: string) => {
  const result = parse(text)
  return Result.isFailure(result) ? result.failure : undefined
}

describe("a target", () => {
  it.each([
    ["p99(wait) <= 200ms", { measure: { kind: "time", of: "wait", quantile: 0.99 }, operator: "<=", bound: 200 }],
    ["p99.9(total)<1.5s", { measure: { kind: "time", of: "total", quantile: 0.999 }, operator: "<", bound: 1500 }],
    ["mean(wait) <= 1 m", { measure: { kind: "time", of: "wait", quantile: "mean" }, bound: 60_000 }],
    ["p50 ( total , key = free ) <= 2s", { measure: { of: "total", quantile: 0.5 }, key: "free", bound: 2000 }],
    ["p95(wait, type=Send Mail, priority=-3) <= 1h", { type: "Send Mail", priority: -3, bound: 3_600_000 }],
    ["refused <= 0.1%", { measure: { kind: "share", of: "refused" }, bound: 0.001 }],
    ["timedOut(type=A) < 0.02", { measure: { of: "timedOut" }, type: "A", operator: "<", bound: 0.02 }],
    ["good(within=1s, key=a) >= 99%", { measure: { of: "good", withinMillis: 1000 }, key: "a", operator: ">=" }],
    ["good > 0.5", { measure: { kind: "share", of: "good" }, operator: ">", bound: 0.5 }],
    ["lost <= 0", { measure: { of: "lost" }, bound: 0 }]
  ])("%s", (text, expected) => {
    expect(target(` ${text} `)).toMatchObject({ text, ...expected })
  })

  it.each([
    ["", 1, "mean, p50", ""],
    ["p99(wait) =< 200ms", 11, '"<=" or "<"', "=<"],
    ["p99(wait) >= 200ms", 11, '"<=" or "<"', ">="],
    ["good <= 99%", 6, '">=" or ">"', "<="],
    ["p99 <= 200ms", 5, '"("', "<="],
    ["p99(waits) <= 200ms", 5, '"wait" or "total"', "waits"],
    ["p100(wait) <= 1s", 1, "mean, p50", "p100"],
    ["p0(wait) <= 1s", 1, "mean, p50", "p0"],
    ["slow(wait) <= 1s", 1, "mean, p50", "slow"],
    ["  rejected <= 1%", 3, "mean, p50", "rejected"],
    ["p99(wait) <= 200", 14, "a time such as", "200"],
    ["p99(wait) <= soon", 14, "a time such as", "soon"],
    ["refused <= 200ms", 12, "a share such as", "200ms"],
    ["refused <= 101%", 12, "a share such as", "101%"],
    ["refused <= -1%", 12, "a share such as", "-1%"],
    ["refused <= 1% of all", 15, "its end", "of all"],
    ["p99(wait, tenant=a) <= 1s", 11, '"key=", "type=", "priority="', "tenant"],
    ["p99(wait, key=a, key=b) <= 1s", 18, '"key="', "key"],
    ["p99(wait, within=1s) <= 1s", 11, '"key="', "within"],
    ["p99(wait, key=) <= 1s", 15, "what key it is", ")"],
    ["p99(wait, priority=11) <= 1s", 20, "a whole number from -10 to 10", "11"],
    ["p99(wait <= 1s", 10, '"," or ")"', "<="]
  ])("is refused with the place, what was expected and what came: %j", (text, position, expected, came) => {
    const error = refusal(text)!
    expect(error).toMatchObject({ target: text, position, came })
    expect(error.expected).toContain(expected)
    expect(error.message).toContain(
      `at position ${position} of "${text}", got ${came === "" ? "its end" : `"${came}"`}`
    )
  })
})

it("is kept up to its bound, or to just before it, and knows how near it is", () => {
  const most = target("p99(wait) <= 200ms")
  expect([199, 200, 201].map((value) => isKept(most, value))).toEqual([true, true, false])
  expect(isKept(target("p99(wait) < 200ms"), 200)).toBe(false)
  expect([100, 200, 400].map((value) => excessOf(most, value))).toEqual([0.5, 1, 2])
  expect(excessOf(target("p99(wait) < 200ms"), 200)).toBeGreaterThan(1)
  const good = target("good >= 90%")
  expect([1, 0.9, 0.8].map((value) => isKept(good, value))).toEqual([true, true, false])
  expect(excessOf(good, 0.8)).toBeCloseTo(2)
  expect(excessOf(good, 0.95)).toBeCloseTo(0.5)
  expect(excessOf(target("lost <= 0"), 0)).toBe(0)
  expect(excessOf(target("lost <= 0"), 0.001)).toBe(Infinity)
})

it("speaks of those requests alone that it names", () => {
  const some = target("p99(wait, key=a, type=T, priority=0) <= 1s")
  expect(isOf(some, { key: "a", type: "T" })).toBe(true)
  expect(isOf(some, { key: "a", type: "T", priority: 1 })).toBe(false)
  expect(isOf(some, { key: "b", type: "T" })).toBe(false)
  expect(isOf(some, { key: "a", type: "U" })).toBe(false)
  expect(isOf(target("p99(wait) <= 1s"), { type: "U", priority: 5 })).toBe(true)
})

it("is told with its unit", () => {
  expect(shown(target("p99(wait) <= 1s"), 1234)).toBe("1.23 s")
  expect(shown(target("refused <= 1%"), 0.00123)).toBe("0.123 %")
})
