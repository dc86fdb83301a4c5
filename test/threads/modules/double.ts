/** A function to run on a thread. */
export const double = (n: number): number => 2 * n
