/** Numbers and times as the page writes them. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 })
const time = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" })
const minute = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })

export const count = (value: number): string => (value < 100_000 ? whole.format(value) : compact.format(value))

/** Per second: one digit behind the point where it says something. */
export const rate = (value: number): string =>
  value === 0 ? "0" : value < 10 ? value.toFixed(1).replace(/\.0$/, "") : count(value)

export const millis = (value: number): string => {
  if (value === 0) return "0"
  if (value < 0.1) return "< 0.1 ms"
  if (value < 10) return `${trimmed(value, 1)} ms`
  if (value < 1000) return `${Math.round(value)} ms`
  if (value < 60_000) return `${trimmed(value / 1000, value < 10_000 ? 1 : 0)} s`
  const minutes = Math.floor(value / 60_000)
  const seconds = Math.round((value % 60_000) / 1000)
  return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`
}

const trimmed = (value: number, digits: number): string => value.toFixed(digits).replace(/\.0$/, "")

export const clock = (at: number): string => time.format(at)
export const hoursAndMinutes = (at: number): string => minute.format(at)

/** `timedOut` is shown as "timed out". */
export const words = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
