import PQueue from "p-queue"

export const open = (task) => {
  const queue = new PQueue({ concurrency: 64 })
  return (n, done) => {
    queue.add(() => task(n)).then(done)
  }
}
