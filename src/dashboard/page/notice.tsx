/** The last thing there was to say about an action. The element stays: a screen reader hears only what changes in it. */
import { notice } from "./state.ts"

export const Notice = () => {
  const { value } = notice
  return (
    <>
      <div class="notice" role="status">
        {value !== undefined && !value.isError ? <p>{value.text}</p> : null}
      </div>
      <div class="notice wrong" role="alert">
        {value !== undefined && value.isError ? (
          <p>
            {value.text}
            <button type="button" class="quiet" aria-label="Dismiss" onClick={() => (notice.value = undefined)}>
              ✕
            </button>
          </p>
        ) : null}
      </div>
    </>
  )
}
