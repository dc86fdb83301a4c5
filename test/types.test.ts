/** What must compile, and what must not. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import { Effect, type Exit, type Layer, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import type { DrainReport } from "../src/DrainReport.ts"
import * as ElasticPool from "../src/ElasticPool.ts"
import * as Handlers from "../src/Handlers.ts"
import type { Outcome, Rejected } from "../src/Outcome.ts"
import type {
  DuplicateHandler,
  EndError,
  InvalidPoolConfig,
  NestedWaitRefused,
  PoolError,
  SubmitError,
  UnsupportedRpc
} from "../src/PoolError.ts"
import type { Scaler } from "../src/Scaler.ts"
import type { Ticket } from "../src/Ticket.ts"
import * as WorkerPool from "../src/WorkerPool.ts"

class TooBig extends Schema.TaggedError<TooBig>()("TooBig", {}) {}
const Resize = Rpc.make("Resize", { payload: { width: Schema.Number }, success: Schema.String, error: TooBig })
const Ping = Rpc.make("Ping")
class Images extends RpcGroup.make(Resize, Ping) {}

declare const pool: WorkerPool.WorkerPool["Service"]

describe("types", () => {
  it("compile as they should", () => {
    const unused = () => {
      expectTypeOf(pool.execute(Resize, { width: 3 })).toEqualTypeOf<Effect.Effect<string, TooBig | PoolError>>()
      expectTypeOf(pool.executePromise(Resize, { width: 3 })).toEqualTypeOf<Promise<string>>()
      pool.executeCallback(Resize, { width: 3 }, (exit) => {
        expectTypeOf(exit).toEqualTypeOf<Exit.Exit<string, TooBig | PoolError>>()
      })
      expectTypeOf(pool.submit(Resize, { width: 3 })).toEqualTypeOf<
        Effect.Effect<Ticket<string, TooBig>, SubmitError>
      >()
      expectTypeOf<Ticket<string, TooBig>["await"]>().toEqualTypeOf<
        Effect.Effect<string, TooBig | EndError | NestedWaitRefused>
      >()
      expectTypeOf(pool.run(Effect.fail("mine"))).toEqualTypeOf<Effect.Effect<never, string | PoolError>>()
      expectTypeOf(pool.drain()).toEqualTypeOf<Effect.Effect<DrainReport, InvalidPoolConfig | NestedWaitRefused>>()
      expectTypeOf(pool.process(Stream.make(WorkerPool.call(Resize, { width: 3 })))).toEqualTypeOf<
        Stream.Stream<Outcome<string, TooBig> | Rejected>
      >()

      // @ts-expect-error a payload of the wrong type
      pool.execute(Resize, { width: "3" })
      // @ts-expect-error a payload that lacks a field
      pool.execute(Resize, {})
      // @ts-expect-error a payload of the wrong type
      WorkerPool.call(Resize, { width: "3" })
      // @ts-expect-error an option that does not exist
      pool.execute(Resize, { width: 3 }, { timeOut: 3 })
    }
    void unused
  })

  it("a client of promises has the same, and its calls may have a signal", () => {
    void Effect.gen(function* () {
      const client = yield* WorkerPool.clientPromise(Images)
      const { signal } = new AbortController()
      expectTypeOf(client.Resize({ width: 3 }, { signal, timeout: 5 })).toEqualTypeOf<Promise<string>>()
      expectTypeOf(client.Ping()).toEqualTypeOf<Promise<void>>()
      // @ts-expect-error no such Rpc
      void client.Crop
      // @ts-expect-error a payload of another type
      void client.Resize({ width: "3" })
    })
  })

  it("a client has a function for each Rpc, with its payload and its result", () => {
    const unused = Effect.gen(function* () {
      const client = yield* WorkerPool.client(Images)
      expectTypeOf(client.Resize({ width: 3 })).toEqualTypeOf<Effect.Effect<string, TooBig | PoolError>>()
      expectTypeOf(client.Ping()).toEqualTypeOf<Effect.Effect<void, PoolError>>()
      // @ts-expect-error no such Rpc
      void client.Crop
      // @ts-expect-error a payload of the wrong type
      client.Resize({ width: "3" })
      // @ts-expect-error a payload is missing
      client.Resize()
    })
    expectTypeOf(unused).toEqualTypeOf<
      Effect.Effect<void, never, WorkerPool.WorkerPool | Rpc.ToHandler<typeof Resize | typeof Ping>>
    >()
  })

  it("handlers are all there, and a pool needs nothing but handlers", () => {
    // @ts-expect-error the handler of Ping is missing
    Images.toLayer({ Resize: () => Effect.succeed("") })
    expectTypeOf(Handlers.layer(Images)).toEqualTypeOf<
      Layer.Layer<Handlers.Handlers, DuplicateHandler | UnsupportedRpc, Rpc.ToHandler<typeof Resize | typeof Ping>>
    >()
    expectTypeOf(ElasticPool.layer()).toEqualTypeOf<
      Layer.Layer<WorkerPool.WorkerPool | Scaler, InvalidPoolConfig, Handlers.Handlers>
    >()
    // @ts-expect-error an option that does not exist
    ElasticPool.layer({ workers: 3 })
    // @ts-expect-error a strategy that does not exist
    ElasticPool.layer({ strategy: "drop" })
  })
})
