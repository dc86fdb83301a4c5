/** A promise that knows when somebody begins to wait for it: `await` asks a class of its own for `then`. */
export class NestedPromise<A> extends Promise<A> {
  /** Called once, before the first one waits. */
  onWait: (() => void) | undefined = undefined

  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise: this is where it is told that somebody waits
  override then<B = A, C = never>(
    onFulfilled?: ((value: A) => B | PromiseLike<B>) | null,
    onRejected?: ((error: any) => C | PromiseLike<C>) | null
  ): Promise<B | C> {
    const { onWait } = this
    this.onWait = undefined
    onWait?.()
    return super.then(onFulfilled, onRejected)
  }
}
