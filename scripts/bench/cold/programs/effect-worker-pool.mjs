import { Effect, Layer, ManagedRuntime, Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { ElasticPool, Handlers, WorkerPool } from "effect-worker-pool"
import { opened } from "../opened.mjs"

export const open = opened({ Effect, Layer, ManagedRuntime, Schema, Rpc, RpcGroup, ElasticPool, Handlers, WorkerPool })
