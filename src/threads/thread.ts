/** One thread, or process, as the pool's thread sees it: it starts, runs one attempt at a time, and ends. */
import type { Ended, Host, Listener } from "./host.ts"
import { From, type FromThread, type Report, To } from "./messages.ts"
import type { Task, TaskEnd } from "./task.ts"
import { postReason } from "./thrown.ts"

/** What a thread tells whoever has started it. */
export interface Owner {
  readonly onReady: (thread: Thread, names: ReadonlyArray<string> | undefined) => void
  /** Its attempt has ended, and it could run another one. */
  readonly onIdle: (thread: Thread) => void
  readonly onReport: (thread: Thread, report: Report) => void
  /** It is no more. */
  readonly onGone: (thread: Thread, ended: Ended) => void
  /** A thread has ended before it began with this: it is still to be run. */
  readonly onUnbegun: (task: Task) => void
}

export class Thread implements Listener {
  /** From 1, never used again in its fleet. */
  readonly id: number
  /** `dying`: it has been told to end, or is being killed. */
  state: "starting" | "idle" | "busy" | "dying" | "gone" = "starting"
  /** What runs on it. While it is dying that still may. */
  task: Task | undefined = undefined
  /** Attempts that it has been given. */
  attempts = 0
  readonly startedAt: number
  /** Since when it is in its state. */
  since: number
  /** It has been ready. */
  isReady = false
  /** Nobody has told it to end. */
  isWanted = true
  /** It has been killed, and is still there long after. */
  isStuck = false
  /** Somebody had it killed. */
  isKilled = false
  private host!: Host
  private answer: TaskEnd | undefined = undefined
  private unusable: string | undefined = undefined
  /** How many attempts it has begun, as its last word. */
  private begun: number | undefined = undefined
  private killedFor: Ended | undefined = undefined
  private readonly owner: Owner
  private readonly now: () => number

  constructor(id: number, owner: Owner, now: () => number) {
    this.id = id
    this.owner = owner
    this.now = now
    this.since = this.startedAt = now()
  }

  /** What it is made of; at once, before anything can be heard of it. */
  connect(host: Host): void {
    this.host = host
  }

  /** Throws where the message cannot be sent: it is idle then as before. */
  run(task: Task): void {
    this.host.post(task.message, task.transfers)
    this.enter("busy")
    this.attempts++
    this.task = task
    task.place = this
    this.host.keepAlive(true)
  }

  /** Asks that attempt to end by itself. While its answer is taken there may be another one here. */
  interrupt(task: Task): void {
    if (this.state !== "busy" || this.task !== task) return
    postReason(task.why, (why) => this.host.post([To.interrupt, why], undefined))
  }

  /** Lets it end its layer and go. It must be idle. */
  end(): void {
    this.enter("dying")
    this.isWanted = false
    this.host.post([To.end], undefined)
  }

  /** Ends it whatever it does. `for`: what its attempt, if there is one, is told about that. */
  kill(why?: Ended): void {
    if (this.isKilled || this.state === "gone") return
    this.isKilled = true
    this.killedFor = why
    if (this.state !== "dying") this.enter("dying")
    this.host.kill()
  }

  keepAlive(keeps: boolean): void {
    this.host.keepAlive(keeps)
  }

  usedBytes(): Promise<number | undefined> {
    return this.host.usedBytes()
  }

  onMessage(message: FromThread): void {
    const kind = message[0]
    switch (kind) {
      case From.ready:
        if (this.state !== "starting") return
        this.enter("idle")
        this.isReady = true
        this.host.keepAlive(false)
        return this.owner.onReady(this, message[1])
      case From.value:
      case From.error:
      case From.exit:
      case From.untold:
        return this.onAnswer(message)
      case From.heard:
        return this.task?.hear()
      case From.unusable:
        this.unusable = message[1]
        return
      case From.begun:
        this.begun = message[1]
        return
      case From.uncaught:
      case From.leaving:
        return
      default:
        return this.owner.onReport(this, message)
    }
  }

  onExit(ended: Ended): void {
    if (this.state === "gone") return
    const { answer, attempts, begun = attempts, isReady, task, unusable } = this
    const end = this.killedFor ?? (isReady ? ended : { reason: "start", detail: unusable ?? ended.detail })
    this.enter("gone")
    // What moved is gone with it.
    const isUnbegun = begun < attempts && task?.isWanted === true && task.transfers === undefined
    if (isUnbegun) this.owner.onUnbegun(task)
    this.owner.onGone(this, end)
    this.task = undefined
    if (!isUnbegun) task?.finish(answer ?? end)
  }

  private onAnswer(answer: TaskEnd): void {
    // Until it is gone whatever it has left behind may go on.
    if (this.state === "dying") this.answer = answer
    if (this.state !== "busy") return
    const task = this.task!
    this.task = undefined
    this.enter("idle")
    this.host.keepAlive(false)
    this.owner.onIdle(this)
    task.finish(answer)
  }

  private enter(state: Thread["state"]): void {
    this.state = state
    this.since = this.now()
  }
}
