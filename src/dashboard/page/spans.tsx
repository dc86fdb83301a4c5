/** How far back the charts look. */
import { signal } from "@preact/signals"

const spans = [1, 3, 10]

export const shownMinutes = signal(3)

export const Spans = () => (
  <fieldset class="spans">
    <legend class="hidden">Minutes shown</legend>
    {spans.map((minutes) => (
      <label key={minutes}>
        <input
          type="radio"
          name="minutes"
          value={minutes}
          checked={shownMinutes.value === minutes}
          onChange={() => (shownMinutes.value = minutes)}
        />
        <span>{minutes} min</span>
      </label>
    ))}
  </fieldset>
)
