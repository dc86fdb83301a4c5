/** What an operator may change about a pool. */
import { useSignal } from "@preact/signals"
import type { ComponentChildren } from "preact"
import { messageOf } from "./api.ts"
import { Drain } from "./drain.tsx"
import { latest, patch, pool, say } from "./state.ts"

const policies = ["adaptive", "gradient", "queueLength:4", "fixed:4", "adaptive,queueLength:4"]

export const Controls = () => {
  const settings = pool.value
  if (settings === undefined) return null
  const { bounds, held, policy } = settings
  const paused = latest.value?.paused ?? settings.paused
  const isOpen = settings.state === "open"
  return (
    <section class="card controls" aria-labelledby="controls">
      <h2 id="controls">Controls</h2>
      <Bounds key={`${bounds.minWorkers} ${bounds.maxWorkers}`} {...bounds} />
      <Setting
        id="policy"
        label="Scaling policy"
        action="Set"
        apply={(text) => patch({ policy: text }, `Now ${text}.`)}
      >
        <input
          id="policy"
          key={policy}
          name="value"
          list="policies"
          defaultValue={policy}
          required
          autocomplete="off"
        />
        <datalist id="policies">
          {policies.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </Setting>
      <Setting
        id="hold"
        label={held === null ? "Hold the number of workers" : `Held at ${held} workers`}
        action="Hold"
        apply={(text) => patch({ hold: Number(text) }, `Held at ${text} workers.`)}
      >
        <input
          id="hold"
          name="value"
          type="number"
          inputMode="numeric"
          min={bounds.minWorkers}
          max={bounds.maxWorkers}
          defaultValue={held ?? latest.value?.workers.target ?? bounds.minWorkers}
          required
        />
        {held === null ? null : <Act label="Release" act={() => patch({ hold: null }, "The policy decides again.")} />}
      </Setting>
      <div class="row actions">
        {paused ? (
          <Act label="Resume" primary act={() => patch({ paused: false }, "The pool runs again.")} />
        ) : (
          <Act label="Pause" act={() => patch({ paused: true }, "Paused: what runs goes on, what waits stays.")} />
        )}
        <Drain disabled={!isOpen} />
      </div>
    </section>
  )
}

const Act = ({ act, label, primary }: { label: string; act: () => Promise<void>; primary?: boolean }) => (
  <button
    type="button"
    class={primary === true ? "primary" : undefined}
    onClick={() => void act().catch((error) => say(messageOf(error), true))}
  >
    {label}
  </button>
)

interface SettingProps {
  readonly id: string
  readonly label: string
  readonly action: string
  readonly apply: (text: string) => Promise<void>
  readonly children: ComponentChildren
}

/** One labelled field and its button; what the service says against it stands below. */
const Setting = ({ action, apply, children, id, label }: SettingProps) => {
  const error = useSignal("")
  return (
    <form
      class="setting"
      onSubmit={(event) => {
        event.preventDefault()
        error.value = ""
        const text = String(new FormData(event.currentTarget).get("value"))
        apply(text.trim()).catch((problem) => (error.value = messageOf(problem)))
      }}
    >
      <label for={id}>{label}</label>
      <div class="row">
        {children}
        <button type="submit" aria-label={`${action}: ${label}`}>
          {action}
        </button>
      </div>
      <p class="error" role="alert">
        {error}
      </p>
    </form>
  )
}

const Bounds = ({ maxWorkers, minWorkers }: { minWorkers: number; maxWorkers: number }) => {
  const error = useSignal("")
  const apply = async (form: HTMLFormElement) => {
    const given = new FormData(form)
    const change = { minWorkers: Number(given.get("minWorkers")), maxWorkers: Number(given.get("maxWorkers")) }
    error.value = ""
    await patch(change, `From ${change.minWorkers} to ${change.maxWorkers} workers.`).catch(
      (problem) => (error.value = messageOf(problem))
    )
  }
  const field = (name: string, label: string, value: number) => (
    <input type="number" inputMode="numeric" name={name} aria-label={label} min={0} defaultValue={value} required />
  )
  return (
    <form
      class="setting"
      onSubmit={(event) => {
        event.preventDefault()
        void apply(event.currentTarget)
      }}
    >
      <fieldset>
        <legend>Workers</legend>
        <div class="row">
          {field("minWorkers", "Fewest workers", minWorkers)}
          <span aria-hidden="true">to</span>
          {field("maxWorkers", "Most workers", maxWorkers)}
          <button type="submit" aria-label="Set: fewest and most workers">
            Set
          </button>
        </div>
      </fieldset>
      <p class="error" role="alert">
        {error}
      </p>
    </form>
  )
}
