/** The page of a simulation: whole, the same each time, and safe whatever it shows. */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import * as Charts from "../../../src/program/simulate/charts.ts"
import { secondsPerPoint, seriesOf } from "../../../src/program/simulate/series.ts"
import { simulate, type Simulated } from "../../../src/program/simulate/simulate.ts"
import { toHtml } from "../../../src/program/simulate/page.ts"
import { make } from "../../../src/program/simulate/settings.ts"
import { flags, nobody } from "../fixtures/simulation.ts"

describe("the page", async () => {
  const plan = await Effect.runPromise(make(flags))
  const simulated = await Effect.runPromise(simulate(plan, nobody))
  const draw = async (all: ReadonlyArray<Simulated> = simulated, shown = plan) =>
    toHtml(all, shown, await Effect.runPromise(Charts.load))
  const html = await draw()

  it("loads nothing and runs nothing", () => {
    expect(html).toContain(`content="default-src 'none';`)
    expect(html.replaceAll(/ xmlns(:\w+)?="[^"]*"/g, "")).not.toMatch(/https?:|src=|<script|<link|@import|\bon\w+=/i)
    expect(html.match(/url\([^)]*\)/g)!.every((url) => /^url\(#chart\d+-/.test(url))).toBe(true)
  })

  it("is the same when it is drawn again, with no name twice", async () => {
    expect(await draw()).toBe(html)
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
    expect(ids.length).toBeGreaterThan(4)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it("has four pictures, with a line for each policy in all but the first", () => {
    const figures = html
      .split("<figure>")
      .slice(1)
      .map((text) => text.split("</figure>")[0]!)
    const linesOf = (text: string, colour: string) => text.split(`stroke="${colour}" stroke-width="1.6"`).length - 1
    // A wide and a narrow one of each.
    expect(figures.map((text) => [linesOf(text, "#d9480f"), linesOf(text, "#2f7fc1")])).toEqual([
      [0, 0],
      [2, 2],
      [2, 2],
      [2, 2]
    ])
  })

  it("has a fifth of what is answered in time, where it is said for how long an answer is worth something", async () => {
    const worth = await Effect.runPromise(make({ ...flags, worth: "1s" }))
    const page = await draw(await Effect.runPromise(simulate(worth, nobody)), worth)
    expect(page.split("<figure>").length - 1).toBe(5)
    expect(page).toContain("Answered in time, per second")
    expect(html).not.toContain("in time")
  })

  it("has the reason of each decision, folded, and for paper the first ones", () => {
    const [adaptive] = simulated
    const { decisions } = adaptive!.figures
    expect(decisions.length).toBeGreaterThan(0)
    expect(html).toContain(`<summary>adaptive: ${decisions.length} change`)
    for (const { reason } of decisions) expect(html).toContain(reason)
    const many = { ...adaptive!.figures, decisions: Array.from({ length: 30 }, () => decisions[0]!) }
    return expect(draw([{ policy: "adaptive", figures: many }])).resolves.toContain(
      "<p>and 5 more; the JSON has all of them</p>"
    )
  })

  it("escapes whatever it is given", async () => {
    const evil = `<img src=x onerror="alert('1')">&`
    const figures = { ...simulated[0]!.figures }
    const reason = { ...figures.decisions[0]!, reason: evil }
    const page = await draw([{ policy: evil, figures: { ...figures, decisions: [reason] } }], {
      ...plan,
      load: [["arrivals", evil]]
    })
    expect(page).not.toContain("<img")
    expect(
      page.split("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;").length - 1
    ).toBeGreaterThanOrEqual(5)
  })

  it("has no more points than can be seen: means, and of the backlog the highest", () => {
    const windows = Array.from({ length: 1801 }, (_, n) => ({
      fromMillis: n * 1000,
      arrived: n % 2,
      workers: 4,
      backlog: n === 7 ? 99 : 0,
      left: 0,
      begun: n % 2,
      waitMean: 0,
      waitP95: n % 2
    }))
    const each = secondsPerPoint(windows.length)
    const series = seriesOf(windows, each)
    expect(each).toBe(4)
    expect(series.backlog.length).toBe(451)
    expect(series.arrived.slice(0, 2)).toEqual([
      [0, 0.5],
      [4, 0.5]
    ])
    expect(series.backlog.slice(0, 3)).toEqual([
      [0, 0],
      [4, 99],
      [8, 0]
    ])
    expect(series.waitP95[0]).toEqual([0, 0.5])
    expect(secondsPerPoint(600)).toBe(1)
  })
})
