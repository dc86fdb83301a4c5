/** Where a pool is recorded to. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Layer } from "effect"
import * as Recording from "../../../src/Recording.ts"
import { recordingPath } from "./recordingPath.ts"

export const recording = () =>
  Layer.provide(Layer.orDie(Recording.layer({ path: recordingPath() })), NodeFileSystem.layer)
