/** Standard error, with one line at its end that is drawn over when it is a terminal. */
import { stripVTControlCharacters } from "node:util"

export interface StatusLine {
  readonly isTerminal: boolean
  /** Replaces the line. Only on a terminal. */
  readonly draw: (text: string) => void
  /** Writes a line that stays. */
  readonly print: (text: string) => void
  readonly clear: () => void
}

const erase = "\r\u001b[2K"

export const make = (stream: NodeJS.WriteStream): StatusLine => {
  let drawn = ""
  const isTerminal = stream.isTTY === true
  const write = (text: string) => {
    if (stream.writable) stream.write(text)
  }
  return {
    isTerminal,
    draw: (text) => {
      // The last column stays free: a terminal may wrap when it is written to.
      drawn = stripVTControlCharacters(text).slice(0, Math.max(1, (stream.columns || 80) - 1))
      write(`${erase}${drawn}`)
    },
    print: (text) => {
      const line = text.endsWith("\n") ? text : `${text}\n`
      write(drawn === "" ? line : `${erase}${line}${drawn}`)
    },
    clear: () => {
      if (drawn !== "") write(erase)
      drawn = ""
    }
  }
}
