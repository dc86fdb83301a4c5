import pLimit from "p-limit"

const task = (n) => n

export const open = () => {
  const limit = pLimit(64)
  return (n, done) => {
    limit(task, n).then(done)
  }
}
