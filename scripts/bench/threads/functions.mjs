/** They, and bytes that are moved, as this pool has it. */
import { move } from "../../../src/threads/move.ts"

export * from "./plain.mjs"

export const moved = (bytes) => move(bytes)
