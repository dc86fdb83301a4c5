/** A recording in files of Node's. It is loaded where one is asked for. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, type Scope } from "effect"
import type { Recorded } from "../internal/recordedPools.ts"
import { begin } from "./begin.ts"
import type { CannotRecord } from "./errors.ts"

export const beginOnDisk = (
  recorded: Recorded,
  options: Parameters<typeof begin>[1]
): Effect.Effect<void, CannotRecord, Scope.Scope> =>
  Effect.asVoid(Effect.provide(begin(recorded, options), NodeFileSystem.layer))
