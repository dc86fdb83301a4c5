/** The page as a whole: what stands where. */
import { useEffect } from "preact/hooks"
import { Advice } from "./advice.tsx"
import { session } from "./api.ts"
import { Charts } from "./charts.tsx"
import { Controls } from "./controls.tsx"
import { Decisions } from "./decisions.tsx"
import { Figures } from "./figures.tsx"
import { Banner, Header } from "./header.tsx"
import { Login } from "./login.tsx"
import { Notice } from "./notice.tsx"
import { Protection } from "./protection.tsx"
import { DeadLetters, Running } from "./requests.tsx"
import { Keys } from "./keys.tsx"
import { Limits } from "./limits.tsx"
import { latest, pool } from "./state.ts"
import { Store } from "./store.tsx"
import { Threads } from "./threads.tsx"
import { TestLoad } from "./testLoad.tsx"

export const App = () => {
  useTitle()
  const shut = session.value !== undefined && session.value.required && !session.value.loggedIn
  return (
    <>
      <Header />
      <Banner />
      {shut ? (
        <main>
          <Login />
        </main>
      ) : (
        <main class="board">
          <Figures />
          <div class="seen">
            <Charts />
          </div>
          <div class="steering">
            <TestLoad />
            <Controls />
          </div>
          <div class="lists">
            <Decisions />
            <Advice />
            <Store />
            <Threads />
            <Protection />
            <Keys />
            <Limits />
            <Running />
            <DeadLetters />
          </div>
        </main>
      )}
      <Notice />
    </>
  )
}

const useTitle = () => {
  const name = pool.value?.name ?? "worker-pool"
  const point = latest.value
  const title = point === undefined ? name : `${point.workers.running} busy, ${point.waiting} waiting: ${name}`
  useEffect(() => {
    document.title = title
  }, [title])
}
