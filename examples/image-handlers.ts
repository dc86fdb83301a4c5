/** What `threads-effect.ts` runs on threads. It computes without a pause, so nothing but the end of its thread can stop it. */
import { Effect } from "effect"
import { Images } from "./images.ts"

export { Images as group }

export const layer = Images.toLayer({
  Blur: ({ pixels, radius, width }) => Effect.sync(() => blur(pixels, width, radius)),
  Mandelbrot: ({ side, steps }) => Effect.sync(() => inSet(side, steps))
})

const blur = (pixels: Uint8Array, width: number, radius: number): Uint8Array =>
  pixels.map((_, at) => {
    const row = Math.floor(at / width)
    const column = at % width
    let sum = 0
    let count = 0
    for (let y = row - radius; y <= row + radius; y++) {
      for (let x = column - radius; x <= column + radius; x++) {
        const pixel = x < 0 || x >= width ? undefined : pixels[y * width + x]
        if (pixel === undefined) continue
        sum += pixel
        count++
      }
    }
    return sum / count
  })

const inSet = (side: number, steps: number): number => {
  let count = 0
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      if (stays((3 * column) / side - 2, (3 * row) / side - 1.5, steps)) count++
    }
  }
  return count
}

const stays = (re: number, im: number, steps: number): boolean => {
  let x = 0
  let y = 0
  for (let step = 0; step < steps; step++) {
    ;[x, y] = [x * x - y * y + re, 2 * x * y + im]
    if (x * x + y * y > 4) return false
  }
  return true
}
