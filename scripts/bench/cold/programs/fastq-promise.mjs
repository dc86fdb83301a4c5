import fastq from "fastq"

export const open = () => {
  const queue = fastq.promise(async (n) => n, 64)
  return (n, done) => {
    queue.push(n).then(done)
  }
}
