/** Lets a newcomer see the pool at work: sends requests of one type for a while. */
import { useSignal } from "@preact/signals"
import { useRef } from "preact/hooks"
import { count } from "./format.ts"
import { progress, startLoad, stopLoad } from "./load.ts"
import { pool } from "./state.ts"

export const TestLoad = () => {
  const types = pool.value?.types ?? []
  const chosen = useSignal<string | undefined>(undefined)
  const error = useSignal("")
  const payload = useRef<HTMLTextAreaElement>(null)
  const type = types.find((one) => one.type === chosen.value) ?? types[0]
  if (type === undefined) return null
  const isRunning = progress.value?.isRunning === true
  const start = (form: HTMLFormElement) => {
    const given = new FormData(form)
    error.value = ""
    try {
      const sent: unknown = JSON.parse(String(given.get("payload")))
      const [perSecond, seconds] = [Number(given.get("rate")), Number(given.get("seconds"))]
      startLoad({ type: type.type, payload: sent, perSecond, seconds })
    } catch {
      error.value = "The payload is not JSON."
      payload.current?.focus()
    }
  }
  return (
    <section class="card" aria-labelledby="load">
      <h2 id="load">Test load</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (isRunning) stopLoad()
          else start(event.currentTarget)
        }}
      >
        <label for="load-type">Type of request</label>
        <select id="load-type" value={type.type} onChange={({ currentTarget }) => (chosen.value = currentTarget.value)}>
          {types.map(({ type }) => (
            <option key={type} value={type}>
              {type}
            </option>
          ))}
        </select>
        <label for="load-payload">Payload</label>
        <textarea
          id="load-payload"
          key={type.type}
          ref={payload}
          name="payload"
          rows={3}
          spellcheck={false}
          defaultValue={JSON.stringify(type.example ?? {}, null, 1).replaceAll(/\n\s*/g, " ")}
          aria-invalid={error.value !== ""}
          aria-describedby="load-error"
        />
        <p id="load-error" class="error" role="alert">
          {error}
        </p>
        <div class="row pair">
          <span>
            <label for="load-rate">Per second</label>
            <input
              id="load-rate"
              name="rate"
              type="number"
              min={0.1}
              max={1000}
              step="any"
              defaultValue="20"
              required
            />
          </span>
          <span>
            <label for="load-seconds">Seconds</label>
            <input id="load-seconds" name="seconds" type="number" min={1} max={3600} defaultValue="60" required />
          </span>
          <button type="submit" class={isRunning ? "danger" : "primary"}>
            {isRunning ? "Stop" : "Start"}
          </button>
        </div>
      </form>
      <Sent />
    </section>
  )
}

const Sent = () => {
  const { value } = progress
  if (value === undefined) return <p class="remark">This page sends the requests itself, for as long as it is open.</p>
  const { accepted, failed, load, problem, refused, sent } = value
  return (
    <div class="sent">
      <progress max={Math.max(1, Math.round(load.perSecond * load.seconds))} value={sent} aria-label="Requests sent" />
      <p class="remark">
        {load.type}: {count(sent)} sent, {count(accepted)} accepted, {count(refused)} refused
        {failed === 0 ? "" : `, ${count(failed)} not taken: ${problem}`}
      </p>
    </div>
  )
}
