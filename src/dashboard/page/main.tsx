/** The dashboard: one page that follows a pool and steers it. */
import { render } from "preact"
import { App } from "./app.tsx"
import { start } from "./live.ts"

render(<App />, document.getElementById("app")!)
start()
