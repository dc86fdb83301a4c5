/** Computes for so long: the work of the measurements of threads, as a function of its own for other pools. */
const spin = ({ millis }: { readonly millis: number }): void => {
  const until = performance.now() + millis
  while (performance.now() < until);
}

export default spin
