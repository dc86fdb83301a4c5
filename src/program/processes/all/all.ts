/** The private socket of the process that started: what is asked of all processes is answered here, as one service. */
import { Clock, Effect, Result, type Scope, Semaphore } from "effect"
import { randomBytes } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import * as Problem from "../../../http/problem.ts"
import { securityHeaders, send } from "../../../http/send.ts"
import { ask, type Asked, patienceMillis } from "../ask.ts"
import type { Crew } from "../crew.ts"
import type { Member } from "../member.ts"
import { listenOn, sessionsPath } from "../gate.ts"
import { keptPath, socketOf, socketOfAll } from "../messages.ts"
import { Changes } from "./changes.ts"
import { Counted } from "./counted.ts"
import { Events } from "./events.ts"
import { type End, Kept, type Options as KeptOptions } from "./kept.ts"
import * as Lists from "./lists.ts"
import { mergeLimit, type Pool, sumOf } from "./pool.ts"
import { all, as, asClient, each, type Heard, json, refusalAmong, silenceAmong, told, type Told } from "./voices.ts"

interface Settings extends KeptOptions {
  readonly maxBodyBytes: number
  readonly policy: { readonly text: string }
}

/** An answer that waits, as that of a drain, takes as long as the client asks for. */
const longMillis = 24 * 3_600_000

/** A probe is given up soon, most often after a second: who hangs is not waited for while another one answers. */
const readyMillis = 400

export class All {
  private readonly maxBodyBytes: number
  private policyText: string
  private crew!: Crew
  private changes!: Changes
  private counted!: Counted
  private events!: Events
  private readonly kept: Kept
  /** One change after the other. */
  private readonly changing = Semaphore.makeUnsafe(1)

  constructor({ maxBodyBytes, policy, ...others }: Settings) {
    this.kept = new Kept(others)
    this.maxBodyBytes = maxBodyBytes
    this.policyText = policy.text
  }

  listen(crew: Crew): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      this.crew = crew
      this.changes = new Changes(crew.options.of)
      this.counted = new Counted(crew, () => this.policy)
      this.events = new Events(crew.options.folder, randomBytes(3).toString("hex"), () => this.policy)
      const run = Effect.runForkWith(yield* Effect.context<never>())
      yield* this.events.run
      yield* this.counted.run
      yield* Effect.addFinalizer(() => Effect.sync(() => this.events.end()))
      yield* listenOn(socketOfAll(crew.options.folder), (request, response) => {
        if (pathOf(request) === "/events") return this.events.watch(request, response)
        const answer = Effect.catchCause(this.answer(request), (cause) =>
          Effect.as(Effect.logError("a route of all processes failed", cause), told(Problem.unexpected))
        )
        run(Effect.map(answer, (it) => tell(response, it)))
      })
    })
  }

  /** All are replaced: what was changed while the old ones ran holds for them alone; but for all, where `roll` replaces none. */
  begin<E>({ policy }: Settings, roll: Effect.Effect<boolean, E>): Effect.Effect<void, E> {
    return Effect.suspend(() => {
      const { policyText } = this
      const bringBack = this.changes.forget()
      this.policyText = policy.text
      return Effect.map(roll, (isAny) => {
        if (isAny) return
        this.policyText = policyText
        bringBack()
      })
    })
  }

  /** A process answers, and does not listen yet: it hears of what was changed, and who is logged in. */
  prepare(member: Member): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { folder } = this.crew.options
      const tell = (asked: Asked) => Effect.ignore(ask(socketOf(folder, member.prefix), asked))
      yield* this.changing.withPermits(1)(
        Effect.gen({ self: this }, function* () {
          yield* Effect.forEach(this.changes.askedOf(member.at), tell, { discard: true })
          const [other] = yield* each(this.crew, this.crew.serving.slice(0, 1), () => ({
            method: "GET",
            url: sessionsPath
          }))
          if (other !== undefined) yield* tell({ method: "POST", url: sessionsPath, body: other.answer.text })
        })
      )
      this.events.follow(member)
    })
  }

  ended(member: Member): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.events.unfollow(member)
      return this.counted.ended(member)
    })
  }

  /** As it was asked for, of all. */
  private get policy(): string {
    return this.changes.policy ?? this.policyText
  }

  private answer(request: IncomingMessage): Effect.Effect<Told> {
    const { crew } = this
    const path = pathOf(request)
    if (path.startsWith("/requests/")) return this.kept.answer(request)
    if (path === keptPath) return this.keep(request)
    switch (`${request.method === "HEAD" ? "GET" : request.method} ${path}`) {
      case "GET /pool":
        return this.counted.pool
      case "GET /metrics":
        return this.counted.metrics
      case "GET /health/ready":
        return this.readiness
      case "GET /requests":
        return Lists.requests(crew, request)
      case "GET /pool/keys":
        return Lists.waiters(crew, request, "keys")
      case "GET /pool/tags":
        return Lists.waiters(crew, request, "tags")
      case "GET /pool/gates":
        return Lists.gates(crew, request)
      case "DELETE /requests":
        return this.change(request, crew.there, undefined, (heard) => json({ cancelled: cancelledOf(heard) }))
      case "DELETE /session":
        return Effect.map(
          all(crew, crew.there, () => asClient(request)),
          (voices) =>
            silenceAmong(voices, "DELETE /session") ??
            (voices.heard.length === 0 ? refusalAmong([])! : as(voices.heard[0]!.answer))
        )
      case "POST /session":
        return this.withBody(request, (body) => this.logIn(request, body))
      case "PATCH /pool":
        return this.withBody(request, (body) => this.patch(request, body))
      case "POST /pool/drain":
        // It may take long, and hinders no change.
        return this.withBody(request, (body) => this.drain(request, body), false)
      case "POST /pool/pause":
      case "POST /pool/resume":
        return this.changing.withPermits(1)(this.pause(request, path))
      default:
        return this.withBody(request, (body) => this.patchLimit(request, path, body))
    }
  }

  private keep(request: IncomingMessage): Effect.Effect<Told> {
    return Effect.gen({ self: this }, function* () {
      const ends = JSON.parse((yield* textOf(request, Infinity)) ?? "[]") as ReadonlyArray<End>
      this.kept.add(ends, yield* Clock.currentTimeMillis)
      return json({})
    })
  }

  /** As long as one takes requests, whoever comes finds it. */
  private readonly readiness: Effect.Effect<Told> = Effect.gen({ self: this }, function* () {
    const ask = (millis?: number) =>
      each(this.crew, this.crew.serving, () => ({ method: "GET", url: "/health/ready" }), millis)
    const soon = yield* ask(readyMillis)
    const heard = soon.length > 0 ? soon : yield* ask()
    const ready = heard.filter(({ answer }) => answer.status === 200).length
    if (ready > 0) return json({ status: "ok", processes: { ready, of: this.crew.options.of } })
    return heard.length === 0 ? told(Problem.draining) : as(heard[0]!.answer)
  })

  /** Told as done only if all have done it that are there; what some have done counts as changed. */
  private change(
    request: IncomingMessage,
    members: ReadonlyArray<Member>,
    bodyOf: ((at: number) => string) | undefined,
    changed: (heard: ReadonlyArray<Heard>) => Told
  ): Effect.Effect<Told> {
    return Effect.gen({ self: this }, function* () {
      const voices = yield* all(this.crew, members, ({ at }) => asClient(request, bodyOf?.(at)))
      const { heard, silent } = voices
      const what = `${request.method} ${pathOf(request)}`
      const silence = silenceAmong(voices, what)
      // Of one that none has answered nobody knows whether it can be made: it is not kept.
      const isUnknown = heard.length === 0 && silence !== undefined
      const refused = isUnknown ? undefined : refusalAmong(heard)
      if (refused !== undefined) return refused
      const done = isUnknown ? silence : changed(heard)
      if (silence === undefined) return done
      for (const { at, pid } of silent) {
        yield* Effect.logWarning(`${what}: process ${at + 1} (pid ${pid}) has not answered in ${patienceMillis} ms`)
      }
      return silence
    })
  }

  private withBody(
    request: IncomingMessage,
    use: (body: string) => Effect.Effect<Told>,
    isChange = true
  ): Effect.Effect<Told> {
    return Effect.flatMap(textOf(request, this.maxBodyBytes), (body) =>
      body === undefined
        ? Effect.succeed(told(Problem.tooLarge(this.maxBodyBytes)))
        : isChange
          ? this.changing.withPermits(1)(use(body))
          : use(body)
    )
  }

  private patch(request: IncomingMessage, body: string): Effect.Effect<Told> {
    return Effect.gen({ self: this }, function* () {
      const { bounds } = JSON.parse((yield* this.counted.pool).text) as Pool
      const shares = yield* Effect.result(this.changes.patch(body, bounds))
      if (Result.isFailure(shares)) return told(shares.failure)
      const done = yield* this.change(request, this.crew.serving, shares.success, () => {
        this.changes.kept(body)
        return json({})
      })
      return done.status === 200 ? yield* this.counted.pool : done
    })
  }

  private patchLimit(request: IncomingMessage, path: string, body: string): Effect.Effect<Told> {
    return Effect.gen({ self: this }, function* () {
      const name = path.slice("/pool/limits/".length)
      const shares = yield* Effect.result(this.changes.limit(name, body))
      if (Result.isFailure(shares)) return told(shares.failure)
      return yield* this.change(request, this.crew.serving, shares.success, (heard) => {
        this.changes.keptLimit(name, body)
        const limits = heard.map(({ answer }) => JSON.parse(answer.text) as Parameters<typeof mergeLimit>[0][number])
        return json(mergeLimit(limits, limits))
      })
    })
  }

  private pause(request: IncomingMessage, path: string): Effect.Effect<Told> {
    return this.change(request, this.crew.there, undefined, (heard) => {
      this.changes.keptPause(request.url!.split("?", 2)[1] ?? "", path.endsWith("/pause"))
      return as(heard[0]!.answer)
    })
  }

  /** With the reports of all, where the client waits for them. */
  private drain(request: IncomingMessage, body: string): Effect.Effect<Told> {
    return Effect.gen({ self: this }, function* () {
      const heard = yield* each(this.crew, this.crew.there, () => asClient(request, body), longMillis)
      const refused = refusalAmong(heard)
      if (refused !== undefined) return refused
      const first = as(heard[0]!.answer)
      if (heard.some(({ answer }) => answer.status === 202)) return { ...(yield* this.counted.pool), status: 202 }
      const reports = heard.map(({ answer, member }) => ({ process: member.at + 1, ...JSON.parse(answer.text) }))
      return { ...json({ processes: reports }), ...(first.headers && { headers: first.headers }) }
    })
  }

  /** One makes the session, and the others learn of it before the client has it. */
  private logIn(request: IncomingMessage, body: string): Effect.Effect<Told> {
    return Effect.gen({ self: this }, function* () {
      const [first, ...others] = this.crew.there
      const heard = yield* each(this.crew, first === undefined ? [] : [first], () => asClient(request, body))
      const refused = refusalAmong(heard)
      if (refused !== undefined) return refused
      const [known] = yield* each(this.crew, [first!], () => ({ method: "GET", url: sessionsPath }))
      yield* each(this.crew, others, () => ({ method: "POST", url: sessionsPath, body: known!.answer.text }))
      return as(heard[0]!.answer)
    })
  }
}

const tell = (response: ServerResponse, { contentType, headers, status, text }: Told): void => {
  if (status !== 204) return send(response, status, text, headers, contentType)
  response.writeHead(204, { ...securityHeaders, ...headers })
  response.end()
}

const cancelledOf = (heard: ReadonlyArray<Heard>): number =>
  sumOf(heard.map(({ answer }) => (JSON.parse(answer.text) as { readonly cancelled: number }).cancelled))

const pathOf = ({ url = "/" }: IncomingMessage): string => url.split("?", 1)[0]!

/** `undefined`: it is too long. */
const textOf = (request: IncomingMessage, most: number): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    const chunks: Array<Buffer> = []
    let bytes = 0
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= most) chunks.push(chunk)
    })
    request.on("end", () => resume(Effect.succeed(bytes > most ? undefined : Buffer.concat(chunks).toString("utf8"))))
    request.on("error", () => resume(Effect.succeed("")))
  })
