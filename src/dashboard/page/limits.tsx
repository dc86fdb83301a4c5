/** What a start has to pass: limits with their gates, and what somebody, or a handler, has closed. */
import { useEffect, useRef } from "preact/hooks"
import type { LimitCounts } from "../../http/points.ts"
import type { Gate } from "./api.ts"
import { count, millis, rate } from "./format.ts"
import { Name, visible } from "./names.tsx"
import { PauseType } from "./pauseType.tsx"
import { latest } from "./state.ts"
import { ActionTable } from "./table.tsx"
import { gateId, gates, hasKeys, passed, type Part, setConcurrency, setPaused, startsOf } from "./turns.ts"

const columns = ["What", "Running", "Starts / s", "Held back", "Opens"]
/** Of one limit, and of those that are closed. */
const shownGates = 10

export const Limits = () => {
  const heading = useRef<HTMLHeadingElement>(null)
  const limits = Object.entries(latest.value?.limits ?? {}).filter(([, { breaker }]) => breaker === undefined)
  const closed = gates.value.filter(({ kind }) => kind !== "limit")
  if (limits.length === 0 && closed.length === 0 && !hasKeys.value) return null
  // The button that was pressed may go with its row: the focus must be somewhere.
  const doing = async (work: Promise<void>) => {
    await work
    if (document.activeElement === document.body) heading.current?.focus()
  }
  const toggle: Toggle = (part, name, paused) => void doing(setPaused(part, name, paused))
  return (
    <section class="card list limits" aria-labelledby="gates">
      <div class="head">
        <h2 id="gates" ref={heading} tabIndex={-1}>
          Limits and pauses
        </h2>
        <span class="remark">{count(latest.value?.heldBack ?? 0)} held back</span>
      </div>
      {limits.length + closed.length === 0 ? (
        <p class="empty">Nothing holds anything back.</p>
      ) : (
        <ActionTable
          id="gates"
          caption="Limits with their gates, and what is paused or put off"
          columns={columns}
          action="Pause or resume"
        >
          {limits.flatMap(([name, limit]) => rowsOf(name, limit, toggle))}
          {closed.slice(0, shownGates).map((gate) => (
            <Closed key={gateId(gate)} gate={gate} toggle={toggle} />
          ))}
          {more("closed", closed.length - shownGates)}
        </ActionTable>
      )}
      <PauseType />
    </section>
  )
}

type Toggle = (part: Part, name: string, paused: boolean) => void

const more = (id: string, left: number) =>
  left <= 0 ? null : (
    <tr key={`more ${id}`}>
      <td class="remark" colSpan={columns.length + 1}>
        and {count(left)} more
      </td>
    </tr>
  )

/** The limit itself, and those of its gates at which most waits. One that counts the whole pool has one gate, which is the limit. */
const rowsOf = (name: string, limit: LimitCounts, toggle: Toggle) => {
  const own = gates.value.filter((gate) => gate.kind === "limit" && gate.name === name)
  const only = own.find(({ of }) => of === undefined)
  const each = own.filter(({ of }) => of !== undefined).toSorted((a, b) => b.heldBack - a.heldBack)
  // The gates are looked at as soon as somebody has paused or resumed it, the limit each second.
  const isPaused = own.length > 0 ? own.every(({ paused }) => paused) : limit.paused
  return [
    <tr key={`limit ${name}`}>
      <th scope="row">
        <Name text={name} />
        {isPaused ? <span class="tag">paused</span> : null}
        {only === undefined ? <small>{limit.gates === 1 ? "1 gate" : `${count(limit.gates)} gates`}</small> : null}
      </th>
      <td>
        <AtOnce name={name} limit={limit} isEach={only === undefined} />
      </td>
      <td>
        {rate(startsOf(name))}
        {limit.rate === "none" ? null : (
          <small>
            {" "}
            of {perSecond(limit.rate)}
            {only === undefined ? " each" : ""}
          </small>
        )}
      </td>
      <td>{count(limit.heldBack)}</td>
      <td>{only === undefined ? "" : opens(only)}</td>
      <td class="do">
        <button
          type="button"
          class="small"
          aria-label={`${isPaused ? "Resume" : "Pause"} limit ${visible(name)}`}
          onClick={() => toggle("limit", name, !isPaused)}
        >
          {isPaused ? "Resume" : "Pause"}
        </button>
      </td>
    </tr>,
    ...each.slice(0, shownGates).map((gate) => (
      <tr key={gateId(gate)} class="gate">
        <th scope="row">
          <Name text={gate.of!} />
        </th>
        <td>{count(gate.running)}</td>
        <td>{rate(passed.value.get(gateId(gate)) ?? 0)}</td>
        <td>{count(gate.heldBack)}</td>
        <td colSpan={2}>{opens(gate)}</td>
      </tr>
    )),
    more(name, each.length - shownGates)
  ]
}

const perSecond = ({ limit, period }: Exclude<LimitCounts["rate"], "none">): string => rate((limit * 1000) / period)

const opens = ({ opensInMillis, paused }: Gate): string =>
  paused
    ? "paused"
    : opensInMillis === null
      ? "when one ends"
      : opensInMillis === 0
        ? "open"
        : `in ${millis(opensInMillis)}`

interface AtOnceProps {
  readonly name: string
  readonly limit: LimitCounts
  /** Each of its gates allows so many. */
  readonly isEach: boolean
}

const AtOnce = ({ isEach, limit: { concurrency, running, threads }, name }: AtOnceProps) => {
  const field = useRef<HTMLInputElement>(null)
  // Somebody else may have changed it; who is writing is not disturbed.
  useEffect(() => {
    if (field.current !== null && document.activeElement !== field.current) field.current.value = `${concurrency}`
  }, [concurrency])
  if (concurrency === "none") return <>{count(running)}</>
  // Nobody but their owner says how many there are.
  if (threads !== undefined) {
    return (
      <>
        {count(running)} of {count(concurrency)} <small>ready threads</small>
      </>
    )
  }
  const label = `At once, by limit ${visible(name)}`
  return (
    <form
      class="atOnce"
      onSubmit={(event) => {
        event.preventDefault()
        void setConcurrency(name, Number(field.current?.value))
      }}
    >
      {count(running)} of
      <input
        ref={field}
        type="number"
        inputMode="numeric"
        min={1}
        defaultValue={`${concurrency}`}
        aria-label={label}
        required
      />
      {isEach ? <small>each</small> : null}
      <button type="submit" class="small" aria-label={`Set: ${label}`}>
        Set
      </button>
    </form>
  )
}

const kinds: Readonly<Record<Gate["kind"], string>> = { pool: "Pool", tag: "Type", key: "Key", limit: "Limit" }

/** What is paused, or must not start yet. */
const Closed = ({ gate, toggle }: { readonly gate: Gate; readonly toggle: Toggle }) => {
  const { heldBack, kind, name, paused } = gate
  const part = kind === "tag" || kind === "key" ? kind : undefined
  return (
    <tr>
      <th scope="row">
        <small>{kinds[kind]}</small> {name === "" ? <i class="remark">none</i> : <Name text={name} />}
      </th>
      <td />
      <td>{rate(passed.value.get(gateId(gate)) ?? 0)}</td>
      <td>{count(heldBack)}</td>
      <td>{opens(gate)}</td>
      <td class="do">
        {part !== undefined && paused ? (
          <button
            type="button"
            class="small"
            aria-label={`Resume ${part === "tag" ? "type" : "key"} ${visible(name)}, which is paused`}
            onClick={() => toggle(part, name, false)}
          >
            Resume
          </button>
        ) : null}
      </td>
    </tr>
  )
}
