/** The picture of a load and of what policies make of it. */
import type { Figures, Window } from "../../src/Simulation.ts"
import { drawPanels } from "../panels.ts"

const colours = ["#d9480f", "#1c6fb0", "#2b8a5b"]
const arrivalsColour = "#868e96"

interface Shown {
  readonly name: string
  readonly pick: (window: Window) => number
  /** What is the same for all policies is drawn once. */
  readonly once?: boolean
  readonly scale?: "log"
}

const shown: ReadonlyArray<Shown> = [
  { name: "arrivals/s", pick: ({ arrived }) => arrived, once: true },
  { name: "workers", pick: ({ workers }) => workers },
  { name: "mean wait, ms", pick: ({ waitMean }) => Math.max(1, waitMean), scale: "log" }
]

export const draw = (title: string, runs: ReadonlyArray<Figures>): string =>
  drawPanels(
    title,
    runs.map(({ policy }) => policy),
    Math.max(...runs.map(({ windows }) => windows.length)),
    shown.map(({ name, once = false, pick, scale }) => ({
      name,
      scale,
      lines: (once ? runs.slice(0, 1) : runs).map(({ policy, windows }, which) => ({
        name: once ? name : policy,
        colour: once ? arrivalsColour : colours[which]!,
        points: windows.map((window) => [window.fromMillis / 1000, pick(window)] as const)
      }))
    }))
  )
