/** What each life of a process writes down as it happens, in a file of its own: what a kill leaves of it is whole. */
import { openSync, readdirSync, readFileSync, writeSync } from "node:fs"
import { join } from "node:path"

/** `stored`: its caller was told so. `heard`: its caller was told of its end. */
export type What = "begun" | "ended" | "stored" | "heard"

/** The folder that all lives of a trial write into. */
const folderVariable = "TRIAL_FOLDER"
const lifeVariable = "TRIAL_LIFE"

export const environmentOf = (folder: string, life: string): Record<string, string> => ({
  [folderVariable]: folder,
  [lifeVariable]: life
})

/** Of this life. */
export class Log {
  readonly life: string
  private readonly file: number

  constructor() {
    this.life = process.env[lifeVariable] ?? "nobody"
    const folder = process.env[folderVariable]
    this.file = openSync(folder === undefined ? "/dev/null" : join(folder, `${this.life}.log`), "a")
  }

  write(what: What, n: number, delivery: number, more = ""): void {
    writeSync(this.file, `${what} ${n} ${delivery} ${Date.now()} ${more}\n`)
  }
}

export interface Line {
  readonly life: string
  readonly what: What
  readonly n: number
  readonly delivery: number
  readonly at: number
  readonly more: string
}

/** What all lives have written. A last line that is not whole is none. */
export const read = (folder: string): Array<Line> =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".log"))
    .flatMap((file) => {
      const lines = readFileSync(join(folder, file), "utf8").split("\n").slice(0, -1)
      return lines.map((line) => {
        const [what, n, delivery, at, more = ""] = line.split(" ")
        return {
          life: file.slice(0, -4),
          what: what as What,
          n: Number(n),
          delivery: Number(delivery),
          at: Number(at),
          more
        }
      })
    })
