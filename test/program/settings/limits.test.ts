/** Limits as texts and records. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { limitsOf } from "../../../src/program/settings/limits.ts"

const made = (input: unknown) =>
  Result.getOrThrow(limitsOf(input)).map(({ concurrency, name, per, rate, tags, until }) => ({
    name,
    per,
    concurrency,
    rate,
    tags: tags === undefined ? undefined : [...tags],
    until
  }))

const refused = (input: unknown): string => {
  const result = limitsOf(input)
  assert.isTrue(Result.isFailure(result))
  return Result.isFailure(result) ? result.failure.message.replaceAll("`", "") : ""
}

describe("a limit", () => {
  it("says the same as a text and as a record", () => {
    const limit = {
      name: "mailer",
      per: "tag" as const,
      concurrency: 4,
      rate: { limit: 10, periodMillis: 1000, burst: 5 },
      tags: ["SendMail", "SendSms"],
      until: "request" as const
    }
    const text = "name=mailer,per=tag,concurrency=4,rate=10/1s,burst=5,tags=SendMail+SendSms,until=request"
    const record = { ...limit, rate: { limit: "10", period: "1s", burst: 5 } }
    assert.deepStrictEqual(made(text), [limit])
    assert.deepStrictEqual(made([text]), [limit])
    assert.deepStrictEqual(made(record), [limit])
    assert.deepStrictEqual(made([{ ...record, concurrency: "4" }]), [limit])
  })

  it("has the library's defaults, and several have semicolons between them", () => {
    const texts = "name=a,concurrency=2; name=b, rate=100/1m"
    assert.deepStrictEqual(made(texts), [
      { name: "a", per: "pool", concurrency: 2, rate: undefined, tags: undefined, until: "attempt" },
      {
        name: "b",
        per: "pool",
        concurrency: Infinity,
        rate: { limit: 100, periodMillis: 60_000, burst: 100 },
        tags: undefined,
        until: "attempt"
      }
    ])
    assert.deepStrictEqual(made([{ name: "b", rate: "100/1m" }])[0], made(texts)[1])
  })

  for (const [input, message] of [
    ["mailer", `limits to be name=NAME`],
    ["name=a,name=b,concurrency=1", `limits to be name=NAME`],
    ["name=a,speed=4", `got "name=a,speed=4"`],
    ["name=a,concurrency=4,burst=5", "a burst only with a rate"],
    ["concurrency=4", "limits.name to be a text that is not empty, got undefined"],
    ["name=a", "limits.a to be a limit with concurrency or rate, or both, got"],
    ["name=a,concurrency=none", `limits.a.concurrency to be a whole number, at least 1, got "none"`],
    ["name=a,concurrency=0", "limits.a.concurrency to be a whole number, at least 1, got 0"],
    ["name=a,rate=10", "limits.a.rate to be { limit, period, burst? }, or a text such as 10/1s, got"],
    ["name=a,rate=10/soon", `limits.a.rate.period to be a finite duration above zero, got "soon"`],
    ["name=a,rate=0/1s", "limits.a.rate.limit to be a whole number, at least 1, got 0"],
    ["name=a,rate=1/1s,burst=0", "limits.a.rate.burst to be a whole number, at least 1, got 0"],
    ["name=a,per=user,concurrency=1", `limits.a.per to be "pool" or "tag" or "key", got "user"`],
    ["name=a,concurrency=1,until=never", `limits.a.until to be "attempt" or "request", got "never"`],
    [
      [{ name: "a", concurrency: 1, capacity: 3 }],
      `limits.a to be a limit of name, per, concurrency, rate, tags, until`
    ],
    [[{ name: "a", rate: { limit: 1, every: 3 } }], "limits.a.rate to be { limit, period, burst? }"],
    [[{ name: "a", concurrency: 1, tags: "Work" }], "limits.a.tags to be a list of request tags"],
    [[{ name: "a", concurrency: 1, tags: 7 }], "limits.a.tags to be a list of request tags"],
    [[{ name: "a", concurrency: 1, per: {} }], `limits.a.per to be "pool" or "tag" or "key", got {}`],
    [[7], "limits to be a record such as"],
    [null, "limits to be a record such as"]
  ] as const) {
    it(`is refused where it is wrong: ${JSON.stringify(input)}`, () => {
      assert.include(refused(input), message)
    })
  }
})
