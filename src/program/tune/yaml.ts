/** Settings as a file that `serve --config` takes. */
import * as Tuning from "../../Tuning.ts"

/** `today` is what was said of the pool as it is: it stays, but for what is tuned. */
export const toYaml = (
  { chosen, others, targets }: Pick<Tuning.Report, "chosen" | "others" | "targets">,
  today: Readonly<Record<string, unknown>>,
  load: ReadonlyArray<readonly [name: string, value: string]>
): string => {
  const judged = chosen ?? others[0]!
  const kept = targets.map((target, n) => {
    const value = (judged.whole ?? judged.score).values[n]
    return `${target.text}: promised ${value === undefined ? "no such request" : Tuning.shown(target, value)}`
  })
  const settings = { ...today, ...(judged.settings === "today" ? {} : settingsOf(judged.settings, today)) }
  return [
    chosen === undefined
      ? "# By worker-pool tune: the nearest to the targets; they are not all kept."
      : "# By worker-pool tune: the cheapest found that keeps the targets.",
    // Names and targets are texts of any kind: none of their lines is to be read as a setting.
    ...[...load.map(([name, value]) => `${name} ${value}`), ...kept]
      .flatMap((text) => text.split(/\r\n|[\n\r\u0085\u2028\u2029]/))
      .map((line) => `# ${line}`),
    // JSON is YAML: whatever a text holds, it stays a text.
    ...Object.entries(settings).map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
    ""
  ].join("\n")
}

const settingsOf = (settings: Tuning.Settings, today: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const { agingMillis, capacity, keyConcurrency, maxWorkers, minWorkers, policy, scalingIntervalMillis } = settings
  const { limits } = today
  const ofToday = limits === undefined ? [] : Array.isArray(limits) ? limits : String(limits).split(";")
  return {
    policy: Tuning.policyText(policy),
    minWorkers,
    maxWorkers,
    capacity,
    scalingInterval: `${scalingIntervalMillis}ms`,
    ...(agingMillis === undefined ? {} : { aging: `${agingMillis}ms` }),
    ...(keyConcurrency === undefined
      ? {}
      : { limits: [...ofToday, `name=${Tuning.keyLimitName},per=key,concurrency=${keyConcurrency}`] })
  }
}
