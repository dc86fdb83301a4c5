import fastq from "fastq"

export const open = (task) => {
  const queue = fastq.promise(async (n) => task(n), 64)
  return (n, done) => {
    queue.push(n).then(done)
  }
}
