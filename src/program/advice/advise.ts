/** Advice for a load that was heard: what settings would have kept the targets, and what they would have cost. */
import { DateTime, Effect } from "effect"
import type { Advice, Answer, Levers } from "../../http/advisor.ts"
import { recordedIn } from "../../recording/chunks.ts"
import { load as loadOf } from "../../recording/load.ts"
import * as Tuning from "../../Tuning.ts"
import { fromStart, seenSeed, taskOf } from "../../tuning/parts.ts"
import { once, scoreOf } from "../../tuning/scores.ts"
import type { BadUsage } from "../errors.ts"
import * as kinds from "../settings/kinds.ts"
import { parsePolicy } from "../settings/policyFlag.ts"
import { limitsFrom, retryBudgetOf, retryOf, sheddingOf } from "../settings/poolOptions.ts"
import { toYaml } from "../tune/yaml.ts"
import { columnOf, leversOf, realityOf } from "./columns.ts"
import type { Task, Unchanging } from "./task.ts"

/** Requests that the search simulates: some twenty seconds of one core. Runs of the whole load come on top, of those settings that the search has not had on it. */
const budget = 1_000_000
const seed = 1

/** The same task has the same answer. It fails where no pool can be set as this one is. */
export const advise = (task: Task): Effect.Effect<Answer, BadUsage> =>
  Effect.gen(function* () {
    const { heard, mostWorkers, targets, today } = task
    // Read anew each time: all of an hour at once would take hundreds of MiB.
    const recorded = () => recordedIn(heard.chunks, heard.fromMillis)
    const durationMillis = Math.max(1, Math.ceil(heard.untilMillis - heard.fromMillis))
    const options = { name: "the load of late", to: durationMillis }
    const pool = yield* poolOf(task)
    const search = {
      load: loadOf(recorded(), options),
      redrawn: loadOf(recorded(), { ...options, attempts: "redrawn" }),
      isRecorded: true,
      duration: durationMillis,
      policy: (yield* parsePolicy(today.policy)).policy,
      pool,
      targets,
      mostWorkers,
      budget,
      seed
    } satisfies Tuning.Options
    return yield* Effect.gen(function* () {
      const report = yield* Tuning.run(search)
      const measurer = yield* Tuning.measurerOf(search)
      const column = columnOf(report)
      const known = [report.chosen, ...report.others, report.today]
      const simulated = (of: "today" | "applied" | "recommended", settings: Tuning.Settings | "today") => {
        const columnFor = (score: Tuning.Score) => column(of, shownOf(settings, today, pool), score)
        const whole = known.find((one) => one?.settings === settings)?.whole
        if (whole !== undefined) return Effect.succeed(columnFor(whole))
        const wholeLoad = taskOf(fromStart(durationMillis), settings, seenSeed(seed))
        return Effect.map(measurer.run(wholeLoad), (measured) =>
          columnFor(scoreOf([once(measured)], report.targets, report.cost))
        )
      }
      const { settings } = report.chosen ?? report.others[0] ?? report.today
      const columns = [
        column("reality", null, realityOf(recorded(), heard, report)),
        yield* simulated("today", "today"),
        ...(settings === "today"
          ? []
          : [yield* simulated("applied", onlyLevers(settings, pool)), yield* simulated("recommended", settings)])
      ]
      const { demand } = report
      const at = DateTime.formatIso(DateTime.makeUnsafe(task.atMillis))
      const advice: Advice = {
        at,
        load: { requests: demand.requests, seconds: durationMillis / 1000, perSecond: demand.perSecond },
        columns,
        patch: settings === "today" || isSame(leversOf(settings), today) ? null : leversOf(settings),
        obstacles: report.chosen === undefined ? report.obstacles : [],
        file: toYaml(report, { ...task.unchanging.file, ...today }, [
          ["load", `of ${Math.round(durationMillis / 1000)} s until ${at}`]
        ])
      }
      return { _tag: "Some", advice } as const
    }).pipe(
      // The service runs with these settings and targets: what is wrong is the load.
      Effect.catch(({ message }) => Effect.succeed({ _tag: "None", why: message } as const))
    )
  })

type Pool = NonNullable<Tuning.Options["pool"]> & Pick<Unchanging["pool"], "capacity" | "scalingInterval">

const poolOf = ({ today, unchanging }: Task): Effect.Effect<Pool, BadUsage> =>
  Effect.gen(function* () {
    const { limits, pool, retries, retryBudget, sheddingInterval, sheddingTarget } = unchanging
    const read = limits === undefined ? undefined : kinds.limits.read(limits)
    return {
      ...pool,
      minWorkers: today.minWorkers,
      maxWorkers: today.maxWorkers,
      limits: yield* Effect.fromResult(limitsFrom(read, "limits")),
      retry: retryOf(retries),
      retryBudget: retryBudgetOf(retryBudget),
      shedding: sheddingOf(sheddingTarget, sheddingInterval)
    }
  })

/** What is recommended, as far as it can be changed while the pool runs. */
const onlyLevers = ({ maxWorkers, minWorkers, policy }: Tuning.Settings, pool: Pool): Tuning.Settings => ({
  policy,
  minWorkers,
  maxWorkers,
  ...restOf(pool)
})

const restOf = ({ capacity, scalingInterval }: Pool) => ({ capacity, scalingIntervalMillis: scalingInterval })

const shownOf = (settings: Tuning.Settings | "today", today: Levers, pool: Pool) => {
  const levers = settings === "today" ? today : leversOf(settings)
  const { capacity, scalingIntervalMillis } = settings === "today" ? restOf(pool) : settings
  return { ...levers, capacity, scalingInterval: Tuning.millisText(scalingIntervalMillis) }
}

const isSame = (a: Levers, b: Levers): boolean =>
  a.policy === b.policy && a.minWorkers === b.minWorkers && a.maxWorkers === b.maxWorkers
