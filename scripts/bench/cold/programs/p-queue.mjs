import PQueue from "p-queue"

export const open = () => {
  const queue = new PQueue({ concurrency: 64 })
  return (n, done) => {
    queue.add(() => n).then(done)
  }
}
