/** Where requests are stored: what is there, in all processes together, and which processes there are. */
import { useSignal } from "@preact/signals"
import { messageOf, type Pause, type Process, type Store as Shown } from "./api.ts"
import { Figure } from "./figures.tsx"
import { clock, count, millis } from "./format.ts"
import { isolated, Name, visible } from "./names.tsx"
import { latest, patch, pool, refresh, say } from "./state.ts"
import { Table } from "./table.tsx"
import { setPaused } from "./turns.ts"

const columns = ["Process", "Host", "Does", "Workers", "Running", "Since", "Heard of"]

export const Store = () => {
  const store = pool.value?.store
  return store === undefined ? null : <Card of={store} />
}

const Card = ({ of }: { readonly of: Shown }) => {
  const { away, kind, pauses, processes } = of
  return (
    <section class="card list store" aria-labelledby="store">
      <div class="head">
        <h2 id="store">
          Store <span class="number">{kind}</span>
        </h2>
        <span class="remark" role="status">
          {away ? <strong class="wrong">It cannot be reached. What runs goes on.</strong> : "All processes together"}
        </span>
      </div>
      <Counts of={of} />
      {pauses.map((pause) => (
        <Paused key={JSON.stringify(pause)} what={pause} />
      ))}
      {processes.length === 0 ? (
        <p class="empty">{away ? "Which processes there are is not known." : "…"}</p>
      ) : (
        <Table id="store" caption="Processes of the store" columns={columns}>
          {processes.toSorted(oldestFirst).map((process) => (
            <Row key={process.id} of={process} isThis={process.id === of.process} />
          ))}
        </Table>
      )}
    </section>
  )
}

const Counts = ({ of: { held, oldestWaitMillis, requests, unsettled } }: { readonly of: Shown }) => {
  const terms = requests ?? {}
  const told = (...names: ReadonlyArray<string>): string =>
    requests === null ? "?" : count(names.reduce((sum, name) => sum + (terms[name] ?? 0), 0))
  const failures = ["failed", "timedOut", "expired"]
  return (
    <dl>
      <Figure name="Stored so far" value={told("stored")} />
      <Figure name="Waiting" value={told("waiting")}>
        {oldestWaitMillis === null || oldestWaitMillis === 0 ? "" : `the oldest for ${millis(oldestWaitMillis)}`}
      </Figure>
      <Figure name="Delayed" value={told("delayed")} />
      <Figure name="Claimed" value={told("claimed")}>
        {count(held)} here{unsettled === 0 ? "" : `, ${count(unsettled)} to be recorded`}
      </Figure>
      <Figure name="Succeeded" value={told("succeeded")} />
      <Figure name="Failed" value={told(...failures)} />
      <Figure name="Cancelled" value={told("cancelled")} />
      <Figure name="Stopped" value={told("interrupted", "evicted")} />
    </dl>
  )
}

const Paused = ({ what }: { readonly what: Pause }) => {
  const busy = useSignal(false)
  const { key, type } = what
  const name =
    key === undefined
      ? type === undefined
        ? "everything"
        : `type ${isolated(type)}`
      : key === ""
        ? "what has no key"
        : `key ${isolated(key)}`
  const resume = async () => {
    busy.value = true
    if (key !== undefined) await setPaused("key", key, false)
    else if (type !== undefined) await setPaused("tag", type, false)
    else
      await patch({ paused: false }, "The pool runs again, in all processes.").catch((error) =>
        say(messageOf(error), true)
      )
    await refresh()
    busy.value = false
  }
  return (
    <p class="pausedPart row">
      <span>
        <span class="tag">paused</span> In all processes: {name}
      </span>
      <button
        type="button"
        class="small"
        disabled={busy.value}
        aria-label={`Resume ${name}`}
        onClick={() => void resume()}
      >
        Resume
      </button>
    </p>
  )
}

const roles = { client: "asks", worker: "works", both: "asks and works" } as const

const Row = ({ isThis, of }: { readonly of: Process; readonly isThis: boolean }) => {
  const { host, live, pid, pool, role, running, seenAt, startedAt, workers } = of
  return (
    <tr>
      <th scope="row">
        <Name text={pool} />
        {isThis ? <span class="tag">this one</span> : null}
        {live ? null : <span class="tag gone">missing</span>}
      </th>
      <td title={of.id}>
        <bdi>{visible(host)}</bdi>, {pid}
      </td>
      <td>{roles[role]}</td>
      <td>{workers === null ? "" : count(workers)}</td>
      <td>{running === null ? "" : count(running)}</td>
      <td class="time">{clock(Date.parse(startedAt))}</td>
      <td class="time">{agoText(seenAt)}</td>
    </tr>
  )
}

/** By the clock of the service: that of the store may be another one. */
const agoText = (seenAt: string): string => {
  const ago = (latest.value?.at ?? 0) - Date.parse(seenAt)
  return ago < 3000 ? "just now" : `${millis(Math.round(ago / 1000) * 1000)} ago`
}

const oldestFirst = (a: Process, b: Process): number =>
  a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : a.id < b.id ? -1 : 1
