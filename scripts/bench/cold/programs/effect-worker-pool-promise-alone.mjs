import { createPool } from "effect-worker-pool/promise/alone"

export const open = (task) => {
  const pool = createPool({ minWorkers: 64, maxWorkers: 64, scaling: "none", capacity: "unbounded" })
  return (n, done) => {
    pool.run(() => task(n)).then(done)
  }
}
