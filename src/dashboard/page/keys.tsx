/** The keys that have most requests in the pool, and what may be done to each. */
import { useRef } from "preact/hooks"
import type { Waiters } from "./api.ts"
import { count } from "./format.ts"
import { Name, visible } from "./names.tsx"
import { latest } from "./state.ts"
import { ActionTable } from "./table.tsx"
import { gates, hasKeys, keys, setPaused, shownKeys } from "./turns.ts"

const columns = ["Key", "Waiting", "Held back", "Running"]

export const Keys = () => {
  const heading = useRef<HTMLHeadingElement>(null)
  if (!hasKeys.value) return null
  const all = Math.max(latest.value?.keys ?? 0, keys.value.length)
  const paused = new Set(gates.value.flatMap(({ kind, name, paused }) => (kind === "key" && paused ? [name] : [])))
  return (
    <section class="card list keys" aria-labelledby="keys">
      <div class="head">
        <h2 id="keys" ref={heading} tabIndex={-1}>
          Keys <span class="number">{count(all)}</span>
        </h2>
        {all > shownKeys ? <span class="remark">the {shownKeys} with most waiting</span> : null}
      </div>
      {keys.value.length === 0 ? (
        <p class="empty">No key has a request.</p>
      ) : (
        <ActionTable
          id="keys"
          caption="Keys with most requests in the pool, those with most waiting first"
          columns={columns}
          action="Pause or resume"
        >
          {keys.value.map((key) => (
            <Row key={key.name} of={key} paused={paused.has(key.name)} />
          ))}
        </ActionTable>
      )}
    </section>
  )
}

const Row = ({ of, paused }: { readonly of: Waiters; readonly paused: boolean }) => {
  const { blocked, heldBack, name, running, waiting } = of
  const label = `${paused ? "Resume" : "Pause"} ${name === "" ? "what has no key" : `key ${visible(name)}`}`
  return (
    <tr>
      <th scope="row">
        {name === "" ? <i class="remark">no key</i> : <Name text={name} />}
        {paused ? <span class="tag">paused</span> : null}
      </th>
      <td>
        {count(waiting)}
        {blocked === 0 ? null : <small> and {count(blocked)} outside</small>}
      </td>
      <td>{count(heldBack)}</td>
      <td>{count(running)}</td>
      <td class="do">
        <button type="button" class="small" aria-label={label} onClick={() => void setPaused("key", name, !paused)}>
          {paused ? "Resume" : "Pause"}
        </button>
      </td>
    </tr>
  )
}
