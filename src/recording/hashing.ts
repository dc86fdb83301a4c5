/** Whose a request is, in the words of a recording: the same for the same key, and nobody can tell which that is. */
import { hash, randomBytes } from "node:crypto"

/** So many keys are remembered with their hashes. */
const mostKnown = 10_000

/** Its secret is drawn for one recording and is nowhere written down. */
export class Hashing {
  private readonly secret: string
  private known = new Map<string, string>()

  /** All secrets are of one length: what is behind one begins nowhere else. */
  constructor(secret: Uint8Array = randomBytes(16)) {
    this.secret = Buffer.from(secret).toString("hex")
  }

  /** Keys of two recordings can be compared only where this is the same. */
  get fingerprint(): string {
    return this.hashOf("")
  }

  /** Eleven letters, digits, `-` and `_`. */
  readonly of = (key: string): string => {
    const known = this.known.get(key)
    if (known !== undefined) return known
    if (this.known.size >= mostKnown) this.known = new Map()
    const hashed = this.hashOf(key)
    this.known.set(key, hashed)
    return hashed
  }

  /** The first 66 bits: so few that nobody can go on from them to the hash of a longer key. */
  private hashOf(key: string): string {
    return hash("sha256", this.secret + key, "base64url").slice(0, 11)
  }
}
