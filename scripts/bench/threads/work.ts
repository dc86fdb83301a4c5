/** The same from TypeScript. */
export const noop = (n: number): number => n
