/** They, and bytes that are moved, as piscina has it. */
import { move } from "piscina"

export * from "./plain.mjs"

export const moved = (bytes) => move(bytes)
