/** The same without Effect. */
export const rss = (): number => process.memoryUsage.rss() / 2 ** 20
