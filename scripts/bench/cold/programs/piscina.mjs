import { Piscina } from "piscina"

export const open = () => {
  const filename = new URL("../thread.mjs", import.meta.url).href
  const pool = new Piscina({ filename, minThreads: 1, maxThreads: 1 })
  return (n, done) => {
    pool.run(n).then(done)
  }
}
