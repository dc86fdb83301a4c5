import { createPool } from "effect-worker-pool/promise"

export const open = () => {
  const pool = createPool({ minWorkers: 64, maxWorkers: 64, scaling: "none", capacity: "unbounded" })
  return (n, done) => {
    pool.run(() => n).then(done)
  }
}
