/** Which settings would have kept the targets of late: it is asked for, shown, and applied when somebody says so. */
import { useSignal } from "@preact/signals"
import { useRef } from "preact/hooks"
import { type Advice as Advised, ask, messageOf, type Levers } from "./api.ts"
import { clock, count } from "./format.ts"
import { patch, pool } from "./state.ts"
import { Table } from "./table.tsx"

/** Between two questions whether it is there. */
const againMillis = 1000

export const Advice = () => (pool.value?.advice === true ? <Card /> : null)

const Card = () => {
  const advice = useSignal<Extract<Advised, { readonly state: "ready" }> | undefined>(undefined)
  const busy = useSignal(false)
  const error = useSignal("")
  const advise = async () => {
    busy.value = true
    error.value = ""
    try {
      let answer = await ask<Advised>("GET", "pool/advice")
      while (answer.state === "computing") {
        await new Promise((resolve) => setTimeout(resolve, againMillis))
        answer = await ask<Advised>("GET", "pool/advice")
      }
      advice.value = answer
    } catch (problem) {
      error.value = messageOf(problem)
    }
    busy.value = false
  }
  return (
    <section class="card list advice" aria-labelledby="advice">
      <div class="head">
        <h2 id="advice">Advice</h2>
        <span class="remark" role="status">
          {busy.value
            ? "Trying settings on the load of late …"
            : advice.value === undefined
              ? "Which settings would have kept the targets of late, and what they would have cost"
              : `${count(advice.value.load.requests)} requests in ${count(Math.round(advice.value.load.seconds))} s, until ${clock(Date.parse(advice.value.at))}`}
        </span>
        <button type="button" class="small" disabled={busy.value} onClick={() => void advise()}>
          Advise
        </button>
      </div>
      <p class="error" role="alert">
        {error}
      </p>
      {advice.value === undefined ? null : <Told advice={advice.value} />}
    </section>
  )
}

const names = {
  reality: "What really was",
  today: "Settings of today, simulated",
  applied: "Recommended, as far as it applies now",
  recommended: "Recommended, with a restart"
} as const

const Told = ({ advice }: { readonly advice: Extract<Advised, { readonly state: "ready" }> }) => {
  const { columns, file, obstacles } = advice
  const targets = columns[0]!.targets.map(({ target }) => target)
  return (
    <>
      {obstacles.length === 0 ? null : (
        <p class="explain">Nothing that was tried keeps every target; this comes nearest. {obstacles.join("; ")}</p>
      )}
      <Table
        id="advice"
        caption="Settings, what they cost and whether they keep the targets"
        columns={["Settings", "Policy", "Workers", "On average", "Worker-seconds", ...targets, "All kept"]}
      >
        {columns.map(({ keeps, of, settings, targets, workerSeconds, workers }) => (
          <tr key={of}>
            <th scope="row">{names[of]}</th>
            <td>{settings?.policy ?? ""}</td>
            <td>{settings === null ? "" : `${count(settings.minWorkers)} to ${count(settings.maxWorkers)}`}</td>
            <td>{workers.toFixed(1)}</td>
            <td>{count(Math.round(workerSeconds))}</td>
            {targets.map(({ kept, shown, target }) => (
              <td key={target} class={kept ? "" : "wrong"}>
                {shown}
              </td>
            ))}
            <td class={keeps ? "" : "wrong"}>{keeps ? "yes" : "no"}</td>
          </tr>
        ))}
      </Table>
      <div class="row">
        {advice.patch === null ? (
          <p class="remark">Today's policy and bounds are what is recommended.</p>
        ) : (
          <Apply levers={advice.patch} />
        )}
      </div>
      <details>
        <summary>All of it, as a file for a restart</summary>
        <pre tabIndex={0}>{file}</pre>
      </details>
    </>
  )
}

/** Only after it was confirmed. */
const Apply = ({ levers }: { readonly levers: Levers }) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const error = useSignal("")
  const { maxWorkers, minWorkers, policy } = levers
  const isInForce =
    pool.value?.policy === policy &&
    pool.value.bounds.minWorkers === minWorkers &&
    pool.value.bounds.maxWorkers === maxWorkers
  const apply = async () => {
    try {
      await patch(levers, `Now ${policy}, from ${minWorkers} to ${maxWorkers} workers.`)
      dialog.current?.close()
    } catch (problem) {
      error.value = messageOf(problem)
    }
  }
  return (
    <>
      <button type="button" disabled={isInForce} onClick={() => dialog.current?.showModal()}>
        {isInForce ? "Applied" : "Apply…"}
      </button>
      <dialog ref={dialog} aria-labelledby="apply-title" onClose={() => (error.value = "")}>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            void apply()
          }}
        >
          <h2 id="apply-title">Apply this to the pool?</h2>
          <p>
            It scales by {policy}, from {count(minWorkers)} to {count(maxWorkers)} workers, until it is changed again or
            the service restarts.
          </p>
          <p class="error" role="alert">
            {error}
          </p>
          <div class="row actions">
            <button type="button" onClick={() => dialog.current?.close()}>
              Leave it
            </button>
            <button type="submit" class="primary">
              Apply
            </button>
          </div>
        </form>
      </dialog>
    </>
  )
}
