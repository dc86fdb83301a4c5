/** What a pool does with calls that are for later, that are there already, that fail, and that are too many. */
import type { ComponentChildren } from "preact"
import type { Recurring } from "./api.ts"
import { Figure } from "./figures.tsx"
import { clock, count, millis } from "./format.ts"
import { type Breakers, breakers, isProtected, ofLate, recurring, type Tripped, tripped } from "./guards.ts"
import { Name } from "./names.tsx"
import { latest } from "./state.ts"
import { Table } from "./table.tsx"

const shownTripped = 10
const shownRecurring = 20

export const Protection = () => (isProtected.value ? <Card /> : null)

const Card = () => {
  const point = latest.value
  if (point === undefined) return null
  const { batched, delayed, joined, overloaded, retriesDenied, running, scheduled, shed } = point
  const shedOfLate = ofLate(({ shed }) => shed)
  const deniedOfLate = ofLate(({ retriesDenied }) => retriesDenied)
  return (
    <section class="card list protection" aria-labelledby="protection">
      <div class="head">
        <h2 id="protection">Protection</h2>
        <span class="remark" role="status">
          {overloaded === undefined ? null : overloaded ? (
            <strong class="wrong">Too much to do: what has waited for too long is given up.</strong>
          ) : (
            "It keeps up with what comes."
          )}
        </span>
      </div>
      <dl>
        {overloaded === undefined ? null : (
          <Figure name="Shed so far" value={count(shed)} isWrong={shedOfLate > 0}>
            {count(shedOfLate)} in the last minute
          </Figure>
        )}
        <Figure name="Retries denied" value={count(retriesDenied)} isWrong={deniedOfLate > 0}>
          {count(deniedOfLate)} in the last minute
        </Figure>
        <Figure name="Scheduled" value={count(scheduled)}>
          {delayed > scheduled ? `beside ${count(delayed - scheduled)} for a retry` : "for later"}
        </Figure>
        <Figure name="Joined so far" value={count(joined)}>
          calls that had another's end
        </Figure>
        <Figure name="Run together" value={count(batched)}>
          {batched === 0
            ? "no batch of two runs"
            : `${count(running)} requests in ${times(running - batched, "attempt")}`}
        </Figure>
      </dl>
      {breakers.value.length === 0 ? null : <BreakerTable />}
      {recurring.value.length === 0 ? null : <RecurringTable />}
    </section>
  )
}

const times = (number: number, what: string): string => `${count(number)} ${what}${number === 1 ? "" : "s"}`

const breakerColumns = ["Breaker of", "State", "For", "Held back", "Lets a probe through"]

const BreakerTable = () => (
  <Table id="protection" caption="Circuit breakers by type, and those that are not closed" columns={breakerColumns}>
    {breakers.value.flatMap((of) => {
      const own = tripped.value.filter(({ name }) => name === of.name)
      const isOne = of.counts.per === "tag"
      return [
        <OfType key={of.type} of={of} only={isOne ? own[0] : undefined} />,
        ...(isOne ? [] : own).slice(0, shownTripped).map((gate) => <OfKey key={`${of.type} ${gate.of}`} gate={gate} />)
      ]
    })}
  </Table>
)

const OfType = ({ of, only }: { readonly of: Breakers; readonly only: Tripped | undefined }) => {
  const { counts, heldBack, type } = of
  const { halfOpen, open, opened } = counts
  return (
    <tr>
      <th scope="row">
        <Name text={type} />
        <small>opened {times(opened, "time")}</small>
      </th>
      <td>
        <State state={open > 0 ? "Open" : halfOpen > 0 ? "HalfOpen" : "Closed"}>
          {open + halfOpen > 1 ? (
            <small>
              {" "}
              {count(open)} open, {count(halfOpen)} on trial
            </small>
          ) : null}
        </State>
      </td>
      <td>{only === undefined ? "" : millis(only.breakerMillis ?? 0)}</td>
      <td>{count(heldBack)}</td>
      <td>{only === undefined ? "" : probes(only)}</td>
    </tr>
  )
}

const OfKey = ({ gate }: { readonly gate: Tripped }) => (
  <tr class="gate">
    <th scope="row">{gate.of === "" ? <i class="remark">no key</i> : <Name text={gate.of!} />}</th>
    <td>
      <State state={gate.breaker} />
    </td>
    <td>{millis(gate.breakerMillis ?? 0)}</td>
    <td>{count(gate.heldBack)}</td>
    <td>{probes(gate)}</td>
  </tr>
)

const words = { Closed: "closed", Open: "open", HalfOpen: "half-open" } as const

const State = ({ children, state }: { readonly state: keyof typeof words; readonly children?: ComponentChildren }) => (
  <>
    <span class={`breaker ${state}`}>{words[state]}</span>
    {children}
  </>
)

const probes = ({ breaker, opensInMillis, running }: Tripped): string =>
  breaker === "HalfOpen"
    ? running === 0
      ? "now"
      : `${count(running)} on its way`
    : opensInMillis === null
      ? ""
      : opensInMillis === 0
        ? "now"
        : `in ${millis(opensInMillis)}`

const recurringColumns = ["Again and again", "Next", "Last", "What became of it"]

const RecurringTable = () => (
  <Table id="protection" caption="Recurring calls, by their next tick" columns={recurringColumns}>
    {recurring.value.slice(0, shownRecurring).map((one) => (
      <Row key={one.name} of={one} />
    ))}
  </Table>
)

const results: Readonly<Record<string, string>> = {
  asked: "was asked",
  skipped: "skipped: the one before had not ended",
  missed: "missed",
  refused: "was refused"
}

const Row = ({ of: { last, name, nextAt } }: { readonly of: Recurring }) => (
  <tr>
    <th scope="row">
      <Name text={name} />
    </th>
    <td class="time">{nextAt === null ? "" : clock(Date.parse(nextAt))}</td>
    <td class="time">{last === null ? "" : clock(Date.parse(last.at))}</td>
    <td class={last?.result === "refused" ? "wrong" : ""}>
      {last === null ? "not yet" : (results[last.result] ?? last.result)}
    </td>
  </tr>
)
