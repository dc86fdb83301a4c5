/** The pure rules: delays between attempts, which policy holds, and whether counts agree. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as PoolSnapshot from "../src/PoolSnapshot.ts"
import * as RequestPolicy from "../src/RequestPolicy.ts"
import * as RetryPolicy from "../src/RetryPolicy.ts"
import { snapshot } from "./support/signals.ts"

describe("RetryPolicy.delayMillis", () => {
  it("without jitter it is base * factor ^ (attempt - 1), at most the cap", () => {
    const policy = RetryPolicy.make({ times: 9, base: 100, factor: 3, cap: 1000, jitter: "none" })
    assert.deepStrictEqual(
      [1, 2, 3, 4, 50, 5000].map((attempt) => RetryPolicy.delayMillis(policy, attempt, 0.5)),
      [100, 300, 900, 1000, 1000, 1000]
    )
  })

  it("with full jitter it is that times the random number", () => {
    const policy = RetryPolicy.make({ times: 9 })
    for (const [attempt, full] of [
      [1, 100],
      [2, 200],
      [9, 25_600],
      [10, 30_000]
    ] as const) {
      assert.strictEqual(RetryPolicy.delayMillis(policy, attempt, 0), 0)
      assert.strictEqual(RetryPolicy.delayMillis(policy, attempt, 0.5), full / 2)
      assert.strictEqual(RetryPolicy.delayMillis(policy, attempt, 1), full)
    }
  })

  it("is a whole number, and a base of zero retries at once however often", () => {
    const third = RetryPolicy.make({ times: 1, base: 10 })
    assert.strictEqual(RetryPolicy.delayMillis(third, 1, 1 / 3), 3)
    const atOnce = RetryPolicy.make({ times: 9999, base: 0 })
    for (const attempt of [1, 2, 100, 5000]) assert.strictEqual(RetryPolicy.delayMillis(atOnce, attempt, 0.9), 0)
  })

  it("is what the error asks for, in whole milliseconds, and for nonsense the policy's own", () => {
    const delayFor = (delay: RetryPolicy.Delay) =>
      RetryPolicy.delayMillis(RetryPolicy.make({ times: 1, base: 100, cap: 500, delay }), 1, 0.5, { after: 300 })
    assert.strictEqual(
      delayFor((error) => (error as { readonly after: number }).after),
      300
    )
    assert.strictEqual(
      delayFor(() => "200 micros"),
      1
    )
    assert.strictEqual(
      delayFor(() => 0),
      0
    )
    assert.strictEqual(
      delayFor(() => "1 hour"),
      500
    )
    for (const nonsense of [undefined, null, Number.NaN, -1, "soon", "Infinity", {}, [], true, Promise.resolve(1)]) {
      assert.strictEqual(
        delayFor(() => nonsense as never),
        50,
        String(nonsense)
      )
    }
    assert.strictEqual(
      delayFor((error) => (error as any).no.such.field),
      50
    )
  })
})

describe("RequestPolicy.resolve", () => {
  const { defaults, resolve } = RequestPolicy
  const retry = RetryPolicy.make({ times: 1 })
  const base = { ...defaults, timeoutMillis: 5, expiresInMillis: 7, retry }

  it.each<[string, RequestPolicy.Fields, RequestPolicy.Resolved]>([
    ["nothing set leaves the base", {}, base],
    ["undefined is not set", { timeout: undefined, expiresIn: undefined, retry: undefined }, base],
    ["a field wins alone", { timeout: "1 second" }, { ...base, timeoutMillis: 1000 }],
    ['"none" switches a field off', { timeout: "none" }, { ...base, timeoutMillis: Infinity }],
    [
      '"none" switches each off',
      { timeout: "none", expiresIn: "none", retry: "none" },
      { ...base, timeoutMillis: Infinity, expiresInMillis: Infinity, retry: undefined }
    ],
    ["a fraction of a millisecond is rounded up", { timeout: 1.1 }, { ...base, timeoutMillis: 2 }]
  ])("%s", (_, fields, expected) => {
    assert.deepStrictEqual(Result.getOrThrow(resolve(fields, base)), expected)
  })

  it.each<[object, string]>([
    [{ timeout: 0 }, "Resize.timeout"],
    [{ expiresIn: Infinity }, "Resize.expiresIn"],
    [{ retry: {} }, "Resize.retry"],
    [{ retry: RetryPolicy.make({ times: 0.5 }) }, "Resize.retry.times"]
  ])("%j is refused by its field and source", (fields, field) => {
    const result = resolve(fields as RequestPolicy.Fields, defaults, "Resize.")
    assert.strictEqual(Result.isFailure(result) && result.failure.field, field)
  })
})

describe("PoolSnapshot.lawViolations", () => {
  it("counts that agree break nothing", () => {
    assert.deepStrictEqual(PoolSnapshot.lawViolations(snapshot), [])
    assert.deepStrictEqual([PoolSnapshot.pending(snapshot), PoolSnapshot.ended(snapshot)], [7, 7])
  })

  it.each(["offered", "blocked", "abandoned", "refused", "accepted"] as const)("one more %s is seen", (field) => {
    assert.match(PoolSnapshot.lawViolations({ ...snapshot, [field]: snapshot[field] + 1 })[0]!, /^offered/)
  })

  it.each([
    "waiting",
    "delayed",
    "running",
    "succeeded",
    "failed",
    "timedOut",
    "expired",
    "evicted",
    "cancelled",
    "interrupted"
  ] as const)("one more %s is seen", (field) => {
    assert.match(PoolSnapshot.lawViolations({ ...snapshot, [field]: snapshot[field] + 1 })[0]!, /^accepted/)
  })

  it.each(["workers", "idle", "ending", "stuck"] as const)("one more %s is seen", (field) => {
    assert.match(PoolSnapshot.lawViolations({ ...snapshot, [field]: snapshot[field] + 1 })[0]!, /^workers/)
  })

  it("more attempts than the bounds allow, and a negative count, are seen", () => {
    assert.match(PoolSnapshot.lawViolations({ ...snapshot, maxWorkers: 3 })[0]!, /above the bounds/)
    assert.match(PoolSnapshot.lawViolations({ ...snapshot, defects: -1 })[0]!, /^defects is -1/)
    assert.match(PoolSnapshot.lawViolations({ ...snapshot, ranMillis: Number.NaN })[0]!, /^ranMillis/)
  })

  it.each(["offered", "attempts", "retries", "running"] as const)("one more %s of a handler is seen", (field) => {
    const work = { ...snapshot.handlers["Work"]!, [field]: snapshot.handlers["Work"]![field] + 1 }
    assert.match(PoolSnapshot.lawViolations({ ...snapshot, handlers: { Work: work } })[0]!, /of the handlers add up/)
  })
})
