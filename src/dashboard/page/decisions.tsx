/** What the scaler did, and why. */
import { useSignal } from "@preact/signals"
import type { Decision } from "../../http/points.ts"
import { clock } from "./format.ts"
import { decisions, latest, pool } from "./state.ts"
import { Table } from "./table.tsx"

const fewDecisions = 8
const columns = ["Time", "Workers", "Why"]

const brakes: Readonly<Record<string, string>> = {
  minWorkers: "the least that the bounds allow",
  maxWorkers: "the most that the bounds allow",
  manual: "held by hand",
  paused: "the pool is paused",
  cooldown: "it rose a short while ago",
  deadBand: "too small a difference",
  limited: "what waits is held back by a limit, a breaker or a pause",
  step: "only so many at a time",
  uncertain: "the load is not known well yet"
}

export const Decisions = () => {
  const showsAll = useSignal(false)
  const all = decisions.value
  const shown = showsAll.value ? all : all.slice(0, fewDecisions)
  return (
    <section class="card list" aria-labelledby="decisions">
      <div class="head">
        <h2 id="decisions">Scaling decisions</h2>
        <span class="remark">{latest.value?.policy ?? pool.value?.policy}</span>
      </div>
      {pool.value === undefined ? null : <p class="explain">{pool.value.explain}</p>}
      {all.length === 0 ? (
        <p class="empty">The number of workers has not changed yet.</p>
      ) : (
        <Table id="decisions" caption="Changes to the number of workers, newest first" columns={columns}>
          {shown.map((decision) => (
            <Row key={`${decision.at} ${decision.before}`} decision={decision} />
          ))}
        </Table>
      )}
      {all.length > fewDecisions ? (
        <button
          type="button"
          class="quiet more"
          aria-expanded={showsAll.value}
          onClick={() => (showsAll.value = !showsAll.value)}
        >
          {showsAll.value ? "Show fewer" : `Show all ${all.length}`}
        </button>
      ) : null}
    </section>
  )
}

const Row = ({ decision }: { readonly decision: Decision }) => {
  const { after, at, before, heldBack, reason, sentence, wanted } = decision
  return (
    <tr title={sentence}>
      <td class="time">{clock(at)}</td>
      <td class={after > before ? "change up" : "change down"}>
        <span aria-hidden="true">{after > before ? "▲" : "▼"}</span> {before} <span aria-label="to">→</span>{" "}
        <b>{after}</b>
      </td>
      <td class="why">
        {reason}
        {heldBack === null ? null : (
          <small>
            wanted {wanted}; {brakes[heldBack] ?? heldBack}
          </small>
        )}
      </td>
    </tr>
  )
}
