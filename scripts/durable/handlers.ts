/** Handlers that write down what they do, so that it can be told afterwards why anything ran twice. */
import { Effect, Layer } from "effect"
import { Delivery } from "../../src/durable/Durable.ts"
import { Handlers } from "../../src/index.ts"
import { group } from "./group.ts"
import { Log } from "./log.ts"

export { group }

const log = new Log()

export const layer = group.toLayer({
  Nap: Effect.fnUntraced(function* ({ millis, n }) {
    const { deliveries = 1 } = (yield* Delivery) ?? {}
    log.write("begun", n, deliveries)
    yield* Effect.sleep(millis)
    log.write("ended", n, deliveries)
    return { life: log.life, delivery: deliveries }
  }),
  Poison: () => Effect.sync(() => void process.kill(process.pid, "SIGKILL"))
})

export const forPool = Handlers.layer(group).pipe(Layer.provide(layer))
