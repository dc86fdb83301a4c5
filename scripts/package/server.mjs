/** What the consumers fetch from: `scripts/check-package.mjs` starts it. */
import { createServer } from "node:http"

/** Answers the path that it is asked for; `/slow` never, and each other `/failing` is a 500. */
export const startServer = () =>
  new Promise((resolve) => {
    let failing = 0
    const server = createServer((request, response) => {
      if (request.url === "/slow") return
      if (request.url === "/failing" && failing++ % 2 === 0) response.statusCode = 500
      response.end(request.url.slice(1))
    })
    server.listen(0, "127.0.0.1", () => resolve({ url: `http://127.0.0.1:${server.address().port}`, server }))
  })
