/** Figures of requests by whose they are and how urgent they are. */
import { Histogram } from "./histogram.ts"
import type { Group, Groups, KeyGroup, PriorityGroup } from "./report.ts"
import type { Job } from "./workload.ts"

/** So many keys have figures of their own. */
const mostKeys = 10

export class GroupMeter {
  private readonly priorities = new Map<number, { arrived: number; readonly wait: Histogram }>()
  private readonly keys = new Map<string, { arrived: number; serviceMillis: number; readonly waits: Array<number> }>()

  onArrival({ key, priority }: Job): void {
    if (priority !== undefined) this.ofPriority(priority).arrived++
    if (key !== undefined) this.ofKey(key).arrived++
  }

  onWaited({ key, priority }: Job, millis: number): void {
    if (priority !== undefined) this.ofPriority(priority).wait.add(millis)
    if (key !== undefined) this.ofKey(key).waits.push(millis)
  }

  onServed(key: string, millis: number): void {
    this.ofKey(key).serviceMillis += millis
  }

  /** Nothing where no request had a key or a priority. */
  finish(): Groups {
    return {
      ...(this.priorities.size === 0 ? {} : { byPriority: this.byPriority() }),
      ...(this.keys.size === 0
        ? {}
        : {
            byKey: this.byKey(),
            keys: this.keys.size,
            fairness: jain([...this.keys.values()].map(({ serviceMillis }) => serviceMillis))
          })
    }
  }

  private byPriority(): ReadonlyArray<PriorityGroup> {
    return [...this.priorities]
      .sort(([a], [b]) => b - a)
      .map(([priority, { arrived, wait }]) => ({
        priority,
        arrived,
        waitP50: wait.quantile(0.5),
        waitP99: wait.quantile(0.99)
      }))
  }

  private byKey(): ReadonlyArray<KeyGroup> {
    const all = [...this.keys].sort(([a, x], [b, y]) => y.serviceMillis - x.serviceMillis || (a < b ? -1 : 1))
    const named = all.slice(0, mostKeys).map(([key, { arrived, serviceMillis, waits }]) => ({
      key,
      arrived,
      serviceSeconds: serviceMillis / 1000,
      ...quantilesOf(waits)
    }))
    const others = all.slice(mostKeys).map(([, counts]) => counts)
    if (others.length === 0) return named
    const sum = (of: (counts: (typeof others)[number]) => number) => others.reduce((sum, counts) => sum + of(counts), 0)
    return [
      ...named,
      {
        key: null,
        arrived: sum(({ arrived }) => arrived),
        serviceSeconds: sum(({ serviceMillis }) => serviceMillis) / 1000,
        ...quantilesOf(others.flatMap(({ waits }) => waits))
      }
    ]
  }

  private ofPriority(priority: number) {
    let found = this.priorities.get(priority)
    if (found === undefined) this.priorities.set(priority, (found = { arrived: 0, wait: new Histogram() }))
    return found
  }

  private ofKey(key: string) {
    let found = this.keys.get(key)
    if (found === undefined) this.keys.set(key, (found = { arrived: 0, serviceMillis: 0, waits: [] }))
    return found
  }
}

const quantilesOf = (values: ReadonlyArray<number>): Pick<Group, "waitP50" | "waitP99"> => {
  const sorted = Float64Array.from(values).sort()
  const quantile = (share: number) => (sorted.length === 0 ? 0 : sorted[Math.ceil(share * sorted.length) - 1]!)
  return { waitP50: quantile(0.5), waitP99: quantile(0.99) }
}

/** 1 where all have the same, and 1 / n where one of n has everything (R. Jain, D. Chiu and W. Hawe, 1984). */
export const jain = (values: ReadonlyArray<number>): number => {
  const sum = values.reduce((sum, value) => sum + value, 0)
  const squares = values.reduce((sum, value) => sum + value * value, 0)
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares)
}
