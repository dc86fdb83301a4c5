/** What is on a thread. */
export default (n) => n
