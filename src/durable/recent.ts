/** What was heard before anybody knew what it was about: a notice may be quicker than the answer to the statement that it tells of. */
export class Recent {
  private readonly ids = new Set<string>()
  private readonly most: number

  /** It remembers the newest `most`. */
  constructor(most: number) {
    this.most = most
  }

  add(id: string): void {
    this.ids.add(id)
    if (this.ids.size > this.most) for (const oldest of this.ids) return void this.ids.delete(oldest)
  }

  /** Whether it was heard of; it is forgotten with that. */
  take(id: string): boolean {
    return this.ids.delete(id)
  }
}
