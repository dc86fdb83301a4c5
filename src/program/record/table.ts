/** What is in a recording, for people as a table and for programs as one JSON object. */
import type { Stats, Times, TypeStats } from "../../recording/stats.ts"
import { columns } from "../output/columns.ts"
import { count, percent, time } from "../output/numbers.ts"

export const toJson = (stats: Stats): string =>
  `${JSON.stringify(stats, (_, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(9)) : value))}\n`

export const toTable = (stats: Stats): string =>
  `${columns(figures(stats).map(([name, value]) => [name, value]))}\n${columns([typeHead, ...stats.types.map(typeRow)])}${notes(
    stats
  )
    .map((note) => `\n${note}`)
    .join("")}${notes(stats).length === 0 ? "" : "\n"}`

/** All but what there is of each type. */
export const figures = (stats: Stats): ReadonlyArray<readonly [name: string, value: string]> => {
  const { burstiness, concurrency, ends, rate, workerSeconds } = stats
  return [
    ["began", iso(stats.startedAtMillis)],
    ["lasted", time(stats.durationMillis)],
    ["requests", count(stats.requests)],
    ...Object.entries(ends).map(([end, ended]) => [`  ${inWords(end)}`, share(ended, stats.requests)] as const),
    ["requests per second", `${short(rate.mean)} on average, ${short(rate.most)} at most`],
    ...burstiness.map(
      ({ index, windowMillis }) =>
        [
          `burstiness in windows of ${windowMillis / 1000} s`,
          index === null ? "-" : `${short(index)} (1: independent)`
        ] as const
    ),
    ["attempts", count(stats.attempts)],
    ["  failed or timed out", percent(stats.failedShare)],
    [
      "attempts at once",
      `${short(concurrency.mean)} on average, p95 ${short(concurrency.p95)}, p99 ${short(concurrency.p99)}, ${short(concurrency.max)} in the fullest second`
    ],
    ["worker-seconds", workerSeconds === null ? "-" : count(workerSeconds)],
    ["worker-seconds of the work itself", count(stats.busySeconds)],
    ...(stats.keys === 0
      ? []
      : [["keys", `${count(stats.keys)}; the busiest had ${percent(stats.busiestKeyShare)} of the work`] as const])
  ]
}

export const typeHead = [
  "type",
  "requests",
  "failed",
  "timed out",
  "wait p50",
  "p99",
  "takes mean",
  "p50",
  "p95",
  "p99",
  "max"
]

export const typeRow = ({
  attempts,
  failed,
  requests,
  service,
  timedOut,
  type,
  wait
}: TypeStats): ReadonlyArray<string> => {
  const of = (times: Times, figure: keyof Times) => (attempts === 0 ? "-" : time(times[figure]))
  return [
    type ?? "all others",
    count(requests),
    attempts === 0 ? "-" : percent(failed / attempts),
    attempts === 0 ? "-" : percent(timedOut / attempts),
    of(wait, "p50"),
    of(wait, "p99"),
    of(service, "mean"),
    of(service, "p50"),
    of(service, "p95"),
    of(service, "p99"),
    of(service, "max")
  ]
}

/** What is not in it. */
export const notes = ({ cut, lost, pending, unfinished }: Stats): ReadonlyArray<string> => [
  ...(lost > 0 ? [`${count(lost)} requests are not in it: the disk was full, or too slow for them`] : []),
  ...(pending > 0 ? [`${count(pending)} requests are not in it: they had not ended`] : []),
  ...(cut > 0
    ? [`${count(cut)} ${cut === 1 ? "line is" : "lines are"} not whole, and passed over: their process was killed`]
    : []),
  ...(unfinished > 0
    ? [
        `${unfinished === 1 ? "1 recording has" : `${count(unfinished)} recordings have`} no end: its process was killed, or goes on`
      ]
    : [])
]

/** `refused: full` of `refusedFull`. */
const inWords = (end: string): string =>
  end.startsWith("refused") ? `refused: ${end.slice(7).toLowerCase()}` : end === "timedOut" ? "timed out" : end

const share = (some: number, all: number): string => `${count(some)} (${percent(some / all)})`

const iso = (millis: number): string => new Date(millis).toISOString()

const short = (value: number): string => (value >= 1000 ? count(value) : String(Number(value.toPrecision(3))))
