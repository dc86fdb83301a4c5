/** Which methods there are on a path, for those who have used another one. */
import { Api } from "./api.ts"
import { invalid, type Problem } from "./problem.ts"

const endpoints = [
  // The route that is not the router's.
  { method: "POST", path: "/requests/:type" },
  ...Object.values(Api.groups).flatMap(({ endpoints }) => Object.values(endpoints)),
  ...["/", "/docs", "/openapi.json"].map((path) => ({ method: "GET", path }))
].map(({ method, path }) => ({ method, pattern: new RegExp(`^${path.replaceAll(/:[a-z]+/g, "[^/]+")}$`) }))

/**
 * A problem if the path is there for other methods only, and `undefined` if it is not there at all, or if this method
 * is among them and the router could not read the path all the same.
 */
export const wrongMethod = (method: string, path: string): Problem | undefined => {
  const methods = endpoints.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
  if (methods.length === 0) return undefined
  if (methods.includes("GET")) methods.push("HEAD")
  if (methods.includes(method)) return undefined
  const allowed = methods.toSorted().join(", ")
  return {
    ...invalid("method", `Expected the method to be of ${allowed}, got ${method.slice(0, 40)}`, "method"),
    status: 405,
    title: "Method Not Allowed",
    headers: { allow: allowed }
  }
}
