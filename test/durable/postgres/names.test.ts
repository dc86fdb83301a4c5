/** What goes through names and notices of a database comes back as it was. */
import { describe, expect, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Notice } from "../../../src/durable/Store.ts"
import { unavailable } from "../../../src/durable/postgres/failure.ts"
import { deadLetters, keyOf, queueOf, tagOf } from "../../../src/durable/postgres/names.ts"
import { noticeOf, payloads } from "../../../src/durable/postgres/notices.ts"

describe("names", () => {
  it.prop("every tag has a queue of its own", { tag: Schema.String, other: Schema.String }, ({ other, tag }) => {
    expect(queueOf(tag)).toMatch(/^[\w./-]+$/)
    if (tag.isWellFormed()) expect(tagOf(queueOf(tag))).toBe(tag)
    if (tag.isWellFormed() && other.isWellFormed() && tag !== other) expect(queueOf(tag)).not.toBe(queueOf(other))
    expect(queueOf(tag)).not.toBe(deadLetters)
  })

  it("tags that look like queues are told from them", () => {
    for (const tag of ["", "/", "//dead-letters", "a/2fb", "é/c3/a9", "users.get", "a b'c\"", "\0", "日本"]) {
      expect(tagOf(queueOf(tag))).toBe(tag)
    }
    expect(queueOf("users.Get_1-a")).toBe("users.Get_1-a")
  })

  it("a key that an index takes stands for itself, and any other for itself alone", () => {
    expect(keyOf("")).toBeUndefined()
    expect(keyOf("customer 7")).toBe("customer 7")
    const keys = ["a\0", "a\ud800", "#a", "x".repeat(201), "x".repeat(202)]
    const short = keys.map((key) => keyOf(key)!)
    expect(new Set(short).size).toBe(keys.length)
    for (const key of short) expect(key).toMatch(/^#[\w-]{43}$/)
  })
})

describe("notices", () => {
  const ids = Array.from({ length: 1_001 }, () => crypto.randomUUID())
  const heard = (texts: ReadonlyArray<string>) => texts.map((text) => noticeOf(text)!)
  const all = (notices: ReadonlyArray<Notice>, kind: "Ended" | "Revoked") =>
    notices.flatMap((notice) => (notice._tag === kind ? notice.ids : []))

  it("arrive whole, however many there are", () => {
    const tags = Array.from({ length: 300 }, (_, at) => `${"ä".repeat(at)} ${at}`)
    const texts = payloads({ work: tags, ended: ids, revoked: ids.slice(7), paused: true })
    for (const text of texts) expect(Buffer.byteLength(text)).toBeLessThan(8_000)
    const notices = heard(texts)
    expect(notices.flatMap((notice) => (notice._tag === "Work" ? notice.tags : []))).toEqual(tags)
    expect(all(notices, "Ended")).toEqual(ids)
    expect(all(notices, "Revoked")).toEqual(ids.slice(7))
    expect(notices.filter(({ _tag }) => _tag === "Paused")).toHaveLength(1)
  })

  it("are none where there is nothing to tell, and none where they are not understood", () => {
    expect(payloads({})).toEqual([])
    expect(payloads({ work: ["x".repeat(8_000)] })).toEqual([])
    for (const text of ["", "no JSON", "{}", "null", '{"later":1}', '{"ended":1}'])
      expect(noticeOf(text)).toBeUndefined()
  })
})

describe("failures", () => {
  it.each([
    [{ code: "ECONNREFUSED", message: "connect ECONNREFUSED" }, "away"],
    [{ code: "57P01", message: "terminating connection due to administrator command" }, "away"],
    [{ code: "57P03", message: "the database system is starting up" }, "away"],
    [{ code: "53300", message: "too many connections" }, "away"],
    [{ code: "57014", message: "canceling statement due to statement timeout" }, "away"],
    [{ message: "Query read timeout" }, "away"],
    [{ message: "Connection terminated unexpectedly" }, "away"],
    [{ errors: [{ code: "ECONNREFUSED", message: "connect ECONNREFUSED ::1" }], message: "" }, "away"],
    [{ code: "28P01", message: "password authentication failed" }, "refused"],
    [{ code: "42501", message: "permission denied" }, "refused"],
    [{ message: "queue name is required" }, "refused"]
  ] as const)("%o are told as %s", (error, reason) => {
    expect(unavailable(Object.assign(new Error(), error)).reason).toBe(reason)
  })

  it("have no password in them", () => {
    const { detail } = unavailable(new Error("cannot use postgres://me:secret@host/db"))
    expect(detail).toBe("cannot use postgres://host/db")
  })
})
