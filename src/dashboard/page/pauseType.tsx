/** Pauses one type of request: all others go on. */
import { pool } from "./state.ts"
import { gates, setPaused } from "./turns.ts"

export const PauseType = () => {
  const paused = new Set(gates.value.flatMap(({ kind, name, paused }) => (kind === "tag" && paused ? [name] : [])))
  const types = (pool.value?.types ?? []).filter(({ type }) => !paused.has(type))
  if (types.length === 0) return null
  return (
    <form
      class="row pauseType"
      onSubmit={(event) => {
        event.preventDefault()
        void setPaused("tag", String(new FormData(event.currentTarget).get("type")), true)
      }}
    >
      <label for="pause-type">Pause a type of request</label>
      <select id="pause-type" name="type">
        {types.map(({ type }) => (
          <option key={type} value={type}>
            {type}
          </option>
        ))}
      </select>
      <button type="submit" aria-label="Pause this type of request">
        Pause
      </button>
    </form>
  )
}
