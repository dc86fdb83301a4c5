import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import { ElasticPool, Handlers, WorkerPool } from "effect-worker-pool"
import { opened } from "../opened.mjs"

export const open = opened({ Effect, Layer, ManagedRuntime, Schema, Rpc, RpcGroup, ElasticPool, Handlers, WorkerPool })
