/** Asks for the token when the service wants one. */
import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { ask, messageOf, Problem } from "./api.ts"
import { reconnect } from "./live.ts"

export const Login = () => {
  const error = useSignal("")
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => input.current?.focus(), [])
  const logIn = async () => {
    error.value = ""
    try {
      await ask("POST", "session", { token: input.current?.value ?? "" })
      reconnect()
    } catch (problem) {
      const isWrong = problem instanceof Problem && problem.status === 401
      error.value = isWrong ? "That is not the token of this service." : messageOf(problem)
      input.current?.select()
    }
  }
  return (
    <form
      class="card login"
      onSubmit={(event) => {
        event.preventDefault()
        void logIn()
      }}
    >
      <h2>Log in</h2>
      <p>This service asks for its token.</p>
      <label for="token">Token</label>
      <input
        id="token"
        ref={input}
        type="password"
        autocomplete="current-password"
        required
        aria-invalid={error.value !== ""}
        aria-describedby="token-error"
      />
      <p id="token-error" class="error" role="alert">
        {error}
      </p>
      <button type="submit" class="primary">
        Log in
      </button>
    </form>
  )
}
