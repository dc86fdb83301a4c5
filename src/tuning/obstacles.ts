/** Why nothing keeps a target: what no number of workers changes. */
import type { Score } from "./scores.ts"
import type { Ground } from "./space.ts"
import { isKept, millisText, shown } from "./target.ts"

/** `widest`: a pool with a worker for each request, on all that was seen; or with as many as are allowed. */
export const obstaclesOf = (
  { demand, hasTurns, isSlowedDown, mostWorkers, targets }: Omit<Ground, "today">,
  widest: Score
): ReadonlyArray<string> => {
  const isBounded = mostWorkers !== undefined && mostWorkers < demand.busyMost
  const missed = targets.flatMap((target, n) => {
    const value = widest.values[n]
    return value === undefined || isKept(target, value) ? [] : [{ target, value }]
  })
  if (missed.length === 0) {
    return [
      "On the part that was seen a pool with a worker for each request keeps every target: what is in the way is the difference between the two parts, or the budget"
    ]
  }
  return missed.map(({ target, value }) => {
    const { bound, measure, text } = target
    const came = shown(target, value)
    if (measure.kind === "time" && measure.of === "total") {
      const service = demand.serviceOf(target)
      const itself = measure.quantile === "mean" ? service.mean : service.quantile(measure.quantile)
      if (itself > bound) {
        const at = measure.quantile === "mean" ? "on average" : `at p${Number((100 * measure.quantile).toPrecision(6))}`
        return `${text}: no number of workers keeps it: the service time itself is ${millisText(itself)} ${at}`
      }
    }
    if (isBounded) {
      const busy = `the load keeps ${whole(demand.busyMean)} workers busy on average and ${demand.busyMost} at most`
      return demand.busyMean >= mostWorkers
        ? `${text}: not more than ${mostWorkers} workers are allowed, and ${busy}: it is more than they can do (${came})`
        : `${text}: not more than ${mostWorkers} workers are allowed, and ${busy} (${came})`
    }
    if (isSlowedDown) return `${text}: with a worker for each request what the handlers call slows them down (${came})`
    if (hasTurns && measure.kind === "time")
      return `${text}: with a worker for each request it is the limits that make requests wait (${came})`
    if (measure.kind === "share" && measure.of !== "refused") {
      return `${text}: no number of workers keeps it: with a worker for each request it is ${came}, by failures, timeouts or service times that more workers do not change`
    }
    return `${text}: no number of workers keeps it: with a worker for each request it is ${came}`
  })
}

const whole = (workers: number): string => String(Number(workers.toPrecision(3)))
