/** A program without Effect, in CommonJS. */
const { createPool } = require("effect-worker-pool/promise")

const pool = createPool({ maxWorkers: 2 })
pool.run(() => 21).then((half) => console.log(2 * half))
