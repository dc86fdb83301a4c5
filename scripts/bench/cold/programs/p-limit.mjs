import pLimit from "p-limit"

export const open = (task) => {
  const limit = pLimit(64)
  return (n, done) => {
    limit(task, n).then(done)
  }
}
