/** Requests that something can be done about: those that run, and those that failed for good. */
import { useSignal } from "@preact/signals"
import type { ComponentChildren } from "preact"
import { useRef } from "preact/hooks"
import type { Request } from "./api.ts"
import { clock, count, millis, words } from "./format.ts"
import { cancel, deadLetters, latest, pool, retry, retryAll, running } from "./state.ts"
import { ActionTable } from "./table.tsx"

export const Running = () => (
  <List
    id="running"
    title="Running"
    caption="Requests that run now, newest first"
    all={pool.value?.store?.requests?.["claimed"] ?? latest.value?.running ?? 0}
    requests={running.value}
    empty="No request is running."
    columns={["Request", "Type", "Age", "Attempt"]}
    cells={({ acceptedAt, attempts, type }) => [
      type,
      millis(ageOf(acceptedAt)),
      attempts === undefined ? "" : `${Math.max(1, attempts)}`
    ]}
    action="Cancel"
    act={cancel}
  />
)

export const DeadLetters = () => (
  <List
    id="deadLetters"
    title="Dead letters"
    caption="Requests that did not succeed and can be sent again, newest first"
    all={latest.value?.deadLetters ?? 0}
    requests={deadLetters.value}
    empty="Every request came to a good end."
    columns={["Request", "Type", "Ended", "Why"]}
    cells={(letter) => [
      letter.type,
      letter.endedAt === undefined ? "" : clock(Date.parse(letter.endedAt)),
      why(letter)
    ]}
    action="Retry"
    act={retry}
    actOnAll={retryAll}
  />
)

/** By the clock of the service. */
const ageOf = (acceptedAt = ""): number => Math.max(0, (latest.value?.at ?? 0) - Date.parse(acceptedAt))

const why = ({ attempts = 0, error, state }: Request): string => {
  const times = attempts > 1 ? ` after ${attempts} attempts` : ""
  const said = written(error)
  return `${words(state)}${times}${said === "" ? "" : `: ${said}`}`
}

/** A tag and a message are what most errors have. */
const written = (error: unknown): string => {
  if (typeof error === "string") return error
  if (typeof error !== "object" || error === null) return error === undefined ? "" : JSON.stringify(error)
  const { _tag, message } = error as { readonly _tag?: unknown; readonly message?: unknown }
  const parts = [_tag, message].filter((part) => typeof part === "string" && part !== "")
  return typeof message === "string" ? parts.join(": ") : JSON.stringify(error)
}

interface ListProps {
  readonly id: "running" | "deadLetters"
  readonly title: string
  readonly caption: string
  readonly all: number
  readonly requests: ReadonlyArray<Request>
  readonly empty: string
  readonly columns: ReadonlyArray<string>
  /** Beside the id, which names the row. */
  readonly cells: (request: Request) => ReadonlyArray<ComponentChildren>
  readonly action: string
  readonly act: (request: Request) => Promise<void>
  readonly actOnAll?: (requests: ReadonlyArray<Request>) => Promise<void>
}

const List = ({ act, action, actOnAll, all, caption, cells, columns, empty, id, requests, title }: ListProps) => {
  const heading = useRef<HTMLHeadingElement>(null)
  const busy = useSignal(false)
  // The button that was pressed goes with its row: the focus must be somewhere.
  const doing = async (work: Promise<void>) => {
    busy.value = true
    await work
    busy.value = false
    heading.current?.focus()
  }
  const left = all - requests.length
  return (
    <section class="card list" aria-labelledby={id}>
      <div class="head">
        <h2 id={id} ref={heading} tabIndex={-1}>
          {title} <span class="number">{count(Math.max(all, requests.length))}</span>
        </h2>
        {actOnAll !== undefined && requests.length > 1 ? (
          <button type="button" disabled={busy.value} onClick={() => void doing(actOnAll(requests))}>
            {action} {requests.length} shown
          </button>
        ) : null}
      </div>
      {requests.length === 0 ? (
        <p class="empty">{all > 0 ? "…" : empty}</p>
      ) : (
        <ActionTable id={id} caption={caption} columns={columns} action={action}>
          {requests.map((request) => (
            <tr key={request.id}>
              <th scope="row">{request.id}</th>
              {cells(request).map((cell, n) => (
                <td key={columns[n + 1]} class={columns[n + 1] === "Why" ? "why" : undefined}>
                  {cell}
                </td>
              ))}
              <td class="do">
                <button
                  type="button"
                  class="small"
                  disabled={busy.value}
                  aria-label={`${action} ${request.id}`}
                  onClick={() => void doing(act(request))}
                >
                  {action}
                </button>
              </td>
            </tr>
          ))}
        </ActionTable>
      )}
      {left > 0 && requests.length > 0 ? <p class="remark">and {count(left)} more</p> : null}
    </section>
  )
}
