/** Ends the pool's work, after asking: it cannot be taken back. */
import { useSignal } from "@preact/signals"
import { useRef } from "preact/hooks"
import { ask, messageOf, type Pool } from "./api.ts"
import { count } from "./format.ts"
import { latest, pool, say } from "./state.ts"

export const Drain = ({ disabled }: { readonly disabled: boolean }) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const deadline = useRef<HTMLInputElement>(null)
  const error = useSignal("")
  const drain = async () => {
    const text = deadline.current?.value.trim() ?? ""
    try {
      pool.value = await ask<Pool>("POST", "pool/drain", text === "" ? {} : { deadline: text })
      dialog.current?.close()
      say("Draining: new requests are refused, the others are finished.")
    } catch (problem) {
      error.value = messageOf(problem)
    }
  }
  const { running = 0, waiting = 0 } = latest.value ?? {}
  return (
    <>
      <button type="button" class="danger" disabled={disabled} onClick={() => dialog.current?.showModal()}>
        Drain…
      </button>
      <dialog ref={dialog} aria-labelledby="drain-title" onClose={() => (error.value = "")}>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            void drain()
          }}
        >
          <h2 id="drain-title">Drain this pool?</h2>
          <p>
            It will refuse every new request, finish the {count(running)} that run and the {count(waiting)} that wait,
            and then stand still. Only a restart of the service opens it again.
          </p>
          <label for="deadline">Deadline (optional, for example 10s)</label>
          <input id="deadline" ref={deadline} autocomplete="off" aria-describedby="deadline-error" />
          <p class="remark">What has not ended by then is interrupted.</p>
          <p id="deadline-error" class="error" role="alert">
            {error}
          </p>
          <div class="row actions">
            <button type="button" onClick={() => dialog.current?.close()}>
              Keep it open
            </button>
            <button type="submit" class="danger">
              Drain
            </button>
          </div>
        </form>
      </dialog>
    </>
  )
}
