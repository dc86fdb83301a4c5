/** Keys and priorities that come from outside: the grammar of RFC 9218, and what a key may be. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { isKey, priorityOf, urgencyPriority } from "../../src/http/keys.ts"
import { open } from "./handlers.ts"
import { randomOf } from "../support/random.ts"
import { type Started, startService } from "./support.ts"

describe("the header Priority", () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7])("u=%s is twice its distance from 3", (urgency) => {
    expect(urgencyPriority(`u=${urgency}`)).toBe([6, 4, 2, 0, -2, -4, -6, -8][urgency])
  })

  it.each([
    ["u=5, i", -4],
    ["i, u=5", -4],
    ["i=?0,\tu=1", 4],
    ["u=1, u=7", -8],
    ["u=1;x=2", 4],
    ['x="a, u=0", u=1', 4],
    [String.raw`x="\", u=0", u=1`, 4],
    ["x=:YWI=:, u=2", 2],
    ["x=1.5, y=token/*, u=2", 2],
    ["i", undefined],
    ["", undefined],
    ["u", undefined],
    ["u=8", undefined],
    ["u=-1", undefined],
    ["u=1.0", undefined],
    ['u="1"', undefined],
    ["U=1", undefined],
    ["u=1,", undefined],
    ["u=1, =", undefined],
    ["u = 1", undefined],
    ["u=0, u=9", undefined],
    ['u=1, x="open', undefined],
    [undefined, undefined]
  ])("%s is the priority %s", (header, priority) => {
    expect(urgencyPriority(header)).toBe(priority)
  })

  it("is read as fast however long it is", () => {
    const rests = [" ".repeat(16_000), "a;".repeat(8000), `a="${"\\\\".repeat(8000)}`, "a=".repeat(8000)]
    for (const rest of [...rests, `a${";b=c".repeat(4000)};`, "1".repeat(16_000), `a=${"1".repeat(16_000)}.`]) {
      expect(urgencyPriority(rest)).toBe(undefined)
    }
  })
})

it.each([
  ["acme", true],
  ["__proto__", true],
  ["a b/ü€😀", true],
  ["x".repeat(256), true],
  ["", false],
  ["x".repeat(257), false],
  ["a\nb", false],
  ["a\0", false],
  ["a\u007f", false],
  ["a\u0085", false],
  ["a\ud800", false]
])("as a key %j is taken: %s", (text, isTaken) => {
  expect(isKey(text)).toBe(isTaken)
})

it.each([
  ["10", 10],
  ["-10", -10],
  ["0", 0],
  ["11", undefined],
  ["-11", undefined],
  ["1.5", undefined],
  ["1e1", undefined],
  ["+1", undefined],
  [" 1", undefined],
  ["", undefined],
  ["Infinity", undefined]
])("as a priority %j is %s", (text, priority) => {
  expect(priorityOf(text)).toBe(priority)
})

describe("a request", () => {
  let service: Started
  beforeAll(async () => {
    service = await startService()
  })
  afterAll(() => service.close())

  const submit = async (query: string, headers: Record<string, string> = {}) =>
    (
      await service.ask("POST", `/requests/Echo${query}`, {
        body: { message: "x" },
        headers: { prefer: "wait=20", ...headers }
      })
    ).json

  it("has the key and the priority that its query says, and shows them after its end too", async () => {
    const sent = await submit("?key=acme&priority=-3")
    expect(sent).toMatchObject({ state: "succeeded", key: "acme", priority: -3 })
    expect((await service.ask("GET", `/requests/${sent.id}`)).json).toEqual(sent)
    expect((await service.ask("GET", "/requests?key=acme")).json.requests).toEqual([sent])
    expect((await service.ask("GET", "/requests?key=acm")).json.requests).toEqual([])
  })

  it("has that of the header where the query says nothing, and else nobody's and 0", async () => {
    expect(await submit("?key=__proto__", { priority: "u=0, i" })).toMatchObject({ key: "__proto__", priority: 6 })
    expect(await submit("?priority=1", { priority: "u=0" })).toMatchObject({ priority: 1 })
    const plain = await submit("", { priority: "u=9" })
    expect([plain.priority, "key" in plain]).toEqual([0, false])
  })

  it("is told while it waits, and counted by its key", async () => {
    const sent = await service.ask("POST", "/requests/Gate?key=constructor&priority=2", { body: { name: "counted" } })
    expect(sent.json).toMatchObject({ key: "constructor", priority: 2, state: "running" })
    expect((await service.ask("GET", "/pool/keys")).json.keys).toEqual([
      { name: "constructor", blocked: 0, waiting: 0, heldBack: 0, delayed: 0, running: 1 }
    ])
    open("counted")
    const { json } = await service.ask("GET", `/requests/${sent.json.id}`, { headers: { prefer: "wait=20" } })
    expect(json).toMatchObject({ key: "constructor", priority: 2, result: "counted" })
  })

  it("is taken as it was meant or refused, whatever comes", async () => {
    const random = randomOf(1)
    const pieces = [
      "a",
      "%00",
      "%ff",
      "%f0%9f%98%80",
      "%ed%a0%80",
      "+",
      "%2B",
      "%",
      "__proto__",
      "\u00e9",
      "%0a",
      "-",
      "10",
      "1"
    ]
    const some = (of: ReadonlyArray<string>, most: number) =>
      Array.from({ length: random.below(most) }, () => random.of(of)).join("")
    const headers = [
      "u=",
      "u",
      "=",
      "3",
      ",",
      ";",
      "i",
      '"',
      "\\",
      " ",
      "\t",
      "\u00ff",
      "?1",
      ":",
      "@",
      "(",
      ")",
      "9".repeat(99)
    ]
    let taken = 0
    for (let n = 0; n < 300; n++) {
      const [key, priority] = [some(pieces, 6), some(pieces, 3)]
      const query = `?key=${key}&priority=${priority}`
      const answer = await submit(query, { priority: some(headers, 8).trim() })
      const meant = new URLSearchParams(query)
      if (answer.status === 400) {
        const isBad = !isKey(meant.get("key")!) || priorityOf(meant.get("priority")!) === undefined
        expect([query, isBad, ["key", "priority"].includes(answer.field)]).toEqual([query, true, true])
      } else {
        taken++
        const found = { key: meant.get("key"), priority: Number(meant.get("priority")) }
        expect([query, answer]).toEqual([query, expect.objectContaining({ state: "succeeded", ...found })])
      }
    }
    expect(taken).toBeGreaterThan(20)
  })

  it.each([
    ["?key=", "key"],
    [`?key=${"k".repeat(257)}`, "key"],
    ["?key=a%0d%0ab", "key"],
    ["?priority=11", "priority"],
    ["?priority=high", "priority"],
    ["?priority=", "priority"],
    ["?keys=a", "keys"]
  ])("is refused with the query %s, and the field is named", async (query, field) => {
    const refused = await submit(query)
    expect([refused.status, refused.field]).toEqual([400, field])
    expect(refused.detail.length).toBeLessThan(200)
  })
})
