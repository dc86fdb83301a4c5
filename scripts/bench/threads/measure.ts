/** Puts the loads of threads on a subject. The same code drives all of them. */
import { during } from "../during.ts"
import type { Measurement } from "../load.ts"
import { median } from "../rounds.ts"
import type { ThreadLoad } from "./load.ts"
import { type Prepare, type Subject, threadSubjects } from "./subjects.ts"

interface Given {
  readonly load: ThreadLoad
  readonly n: number
  readonly outstanding: number
}

const threads = 2

export const measureThreads = async (given: Given, impl: string): Promise<Measurement> => {
  const { isBundled = true, what } = given.load
  const prepare = await threadSubjects[impl]!.load()
  if (what === "start") return start(given.n, prepare, isBundled)
  const opened = await prepare({ threads, isBundled })()
  try {
    return what === "kill" ? await kill(given.n, opened) : await closed(given, opened)
  } finally {
    await opened.close()
  }
}

const closed = async ({ load, n, outstanding }: Given, subject: Subject): Promise<Measurement> => {
  const { megabytes = 0, millis = 0, what } = load
  const one = {
    noop: async (n: number) => {
      if ((await subject.noop(n)) !== n) throw new Error("another result came")
    },
    spin: () => subject.spin(millis),
    echo: async () => {
      const bytes = new Uint8Array(megabytes * 2 ** 20).fill(7)
      if ((await subject.echo(bytes)).at(-1) !== 7) throw new Error("other bytes came")
    },
    move: async () => {
      const bytes = new Uint8Array(megabytes * 2 ** 20).fill(7)
      if ((await subject.move!(bytes)).at(-1) !== 7 || bytes.byteLength > 0) throw new Error("the bytes were not moved")
    }
  }[what as "noop" | "spin" | "echo" | "move"]
  const all = async (n: number) => {
    let next = 0
    const caller = async () => {
      while (next < n) await one(next++)
    }
    await Promise.all(Array.from({ length: outstanding }, caller))
  }
  await all(Math.max(outstanding, Math.ceil(n / 20)))
  const measured = await during(n, () => all(n))
  return what === "spin"
    ? { ...measured, share: measured.rate / ((threads * 1_000) / millis) }
    : { ...measured, millisEach: 1_000 / measured.rate }
}

/** From a deadline at which one of two slots computes until both have worked for so long, less that. One alone takes twice as long. */
const kill = async (n: number, subject: Subject): Promise<Measurement> => {
  const timeoutMillis = 100
  const workMillis = 200
  const millis: Array<number> = []
  const measured = await during(n, async () => {
    for (let round = 0; round < n; round++) {
      await Promise.all([subject.spin(workMillis), subject.spin(workMillis)])
      const deadline = performance.now() + timeoutMillis
      await subject.spin(Infinity, timeoutMillis).then(
        () => Promise.reject(new Error("what is endless has ended")),
        () => {}
      )
      await Promise.all([subject.spin(workMillis), subject.spin(workMillis)])
      millis.push(performance.now() - deadline - workMillis)
      // The threads that are missing start meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 1_500))
    }
  })
  return { ...measured, rate: 1_000 / median(millis), freeMillis: median(millis) }
}

/** From nothing to the first value of the first thread; and what each of eight takes of memory. */
const start = async (n: number, prepare: Prepare, isBundled: boolean): Promise<Measurement> => {
  const open = prepare({ threads: 1, spare: 0, isBundled })
  const millis: Array<number> = []
  const measured = await during(n, async () => {
    for (let round = 0; round < n; round++) {
      const began = performance.now()
      const opened = await open()
      await opened.noop(1)
      millis.push(performance.now() - began)
      await opened.close()
    }
  })
  const many = 8
  const before = process.memoryUsage().rss
  const opened = await prepare({ threads: many, spare: 0, isBundled })()
  await Promise.all(Array.from({ length: 4 * many }, (_, n) => opened.noop(n)))
  const megabytesEach = (process.memoryUsage().rss - before) / many / 2 ** 20
  await opened.close()
  return { ...measured, rate: 1_000 / median(millis), startMillis: median(millis), megabytesEach }
}
