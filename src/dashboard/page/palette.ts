/** The colours of the page, for the canvas: `styles` names them, light and dark. */
import { signal } from "@preact/signals"

export type Colour =
  | "busy"
  | "idle"
  | "ending"
  | "stuck"
  | "good"
  | "bad"
  | "late"
  | "refused"
  | "p50"
  | "p95"
  | "p99"
  | "strong"
  | "ink"
  | "faint"
  | "rule"
  | "card"

const read = () => {
  const style = getComputedStyle(document.documentElement)
  return (colour: Colour): string => style.getPropertyValue(`--${colour}`).trim()
}

/** Another function whenever the colours have changed. */
export const palette = signal(read())
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (palette.value = read()))
