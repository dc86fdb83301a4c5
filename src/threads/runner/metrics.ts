/** Metrics of a thread, told to the pool's thread, where they are part of its own. */
import { Context, Metric } from "effect"
import { type Change, From } from "../messages.ts"
import type { Outbox } from "./outbox.ts"

type Metadata = Metric.Metric.Metadata<unknown, unknown>

/**
 * Counters and frequencies by what has been added to them since they were last told of, gauges by their value. Histograms and summaries stay
 * here: from what they tell of themselves no other can be made.
 */
export class Metrics {
  private readonly outbox: Outbox
  private readonly context: Context.Context<never>
  private readonly registry: ReadonlyMap<string, Metadata>
  private readonly told = new WeakMap<Metadata, unknown>()

  constructor(outbox: Outbox, context: Context.Context<never>) {
    this.outbox = outbox
    this.context = context
    this.registry = Context.get(context, Metric.MetricRegistry)
  }

  /** Tells what has changed, if anything has. */
  report(): void {
    if (this.registry.size === 0) return
    const changes: Array<Change> = []
    for (const metric of this.registry.values()) {
      const change = this.changeOf(metric)
      if (change === undefined) continue
      const { attributes, description, id } = metric
      changes.push({ id, description, attributes, ...change })
    }
    if (changes.length > 0) this.outbox.tell([From.metrics, changes])
  }

  private changeOf(metric: Metadata) {
    const { hooks, type } = metric
    if (type === "Histogram" || type === "Summary") return undefined
    const state = stateOf(() => hooks.get(this.context))
    if (state === undefined) return undefined
    switch (type) {
      case "Counter": {
        const { count, incremental } = state as Metric.CounterState<number | bigint>
        const before = (this.told.get(metric) ?? (typeof count === "bigint" ? 0n : 0)) as typeof count
        if (count === before) return undefined
        this.told.set(metric, count)
        return { type, by: ((count as number) - (before as number)) as number | bigint, incremental }
      }
      case "Gauge": {
        const { value } = state as Metric.GaugeState<number | bigint>
        if (Object.is(this.told.get(metric), value)) return undefined
        this.told.set(metric, value)
        return { type, value }
      }
      case "Frequency": {
        const { occurrences } = state as Metric.FrequencyState
        const before = this.told.get(metric) as ReadonlyMap<string, number> | undefined
        const by: Array<readonly [string, number]> = []
        for (const [word, times] of occurrences) {
          const more = times - (before?.get(word) ?? 0)
          if (more > 0) by.push([word, more])
        }
        if (by.length === 0) return undefined
        this.told.set(metric, new Map(occurrences))
        return { type, by }
      }
    }
  }
}

/** One that is registered is read by a function of the user. */
const stateOf = (read: () => unknown): unknown => {
  try {
    return read()
  } catch {
    return undefined
  }
}
