/** Metrics of several processes as those of one, in the text of Prometheus. */

interface Family {
  readonly name: string
  /** Its lines of `# HELP` and `# TYPE`. */
  readonly head: Array<string>
  isCount: boolean
  readonly samples: Map<string, number>
}

export type Families = ReadonlyMap<string, Family>

/** What is no amount: of several the largest, or the smallest, is told. */
const largest = /^(nodejs_eventloop_lag_|worker_pool_(state|paused|overloaded|keys|retry_budget)\b)/
const smallest = /^(process_start_time_seconds|process_max_fds)\b/

export const parse = (text: string): Families => {
  const families = new Map<string, Family>()
  let family: Family | undefined
  for (const line of text.split("\n")) {
    if (line === "") continue
    const [, what, name] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? []
    if (name !== undefined) {
      if (family?.name !== name) {
        family = families.get(name) ?? { name, head: [], isCount: false, samples: new Map() }
        families.set(name, family)
      }
      family.head.push(line)
      if (what === "TYPE") family.isCount = / (counter|histogram)$/.test(line)
    } else {
      const at = line.lastIndexOf(" ")
      family?.samples.set(line.slice(0, at), numberOf(line.slice(at + 1)))
    }
  }
  return families
}

/** `gone` are those of processes that have ended: of them only what was counted counts. */
export const merge = (there: ReadonlyArray<Families>, gone: ReadonlyArray<Families>): Families => {
  const merged = new Map<string, Family>()
  const add = (families: Families, isGone: boolean) => {
    for (const { head, isCount, name, samples } of families.values()) {
      if (isGone && !isCount) continue
      const family = merged.get(name) ?? { name, head, isCount, samples: new Map<string, number>() }
      merged.set(name, family)
      for (const [sample, value] of samples) family.samples.set(sample, both(name, family.samples.get(sample), value))
    }
  }
  for (const families of there) add(families, false)
  for (const families of gone) add(families, true)
  return merged
}

const both = (name: string, one: number | undefined, other: number): number => {
  if (one === undefined || Number.isNaN(one)) return other
  if (Number.isNaN(other)) return one
  if (largest.test(name)) return Math.max(one, other)
  return smallest.test(name) ? Math.min(one, other) : one + other
}

export const format = (families: Families): string => {
  const lines: Array<string> = []
  for (const { head, samples } of families.values()) {
    lines.push(...head)
    for (const [sample, value] of samples) lines.push(`${sample} ${textOf(value)}`)
  }
  return `${lines.join("\n")}\n`
}

const numberOf = (text: string): number => (text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text))

const textOf = (value: number): string => (value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value))
