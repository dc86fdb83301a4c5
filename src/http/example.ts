/** A value that a schema could accept, for people who try a request out. */
import { Schema } from "effect"

type JsonSchema = Readonly<Record<string, any>>

/** From its `examples` annotation, or made up by its JSON schema. It may break a check: it is something to begin with. */
export const exampleOf = (schema: Schema.Top): unknown => {
  try {
    const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema)
    return of(root as JsonSchema, definitions as JsonSchema, 0)
  } catch {
    // Not every schema has a JSON schema.
    return null
  }
}

const of = (schema: JsonSchema, definitions: JsonSchema, depth: number): unknown => {
  if (depth > 8) return null
  const next = (schema: JsonSchema) => of(schema, definitions, depth + 1)
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0]
  if ("default" in schema) return schema.default
  if ("const" in schema) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  if (typeof schema.$ref === "string") return next(definitions[schema.$ref.split("/").at(-1)!] ?? {})
  const choice = schema.anyOf ?? schema.oneOf
  if (Array.isArray(choice)) return next(choice[0])
  if (Array.isArray(schema.allOf)) return next({ ...schema, allOf: undefined, ...Object.assign({}, ...schema.allOf) })
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case "object": {
      const required: ReadonlyArray<string> = schema.required ?? []
      const properties = Object.entries(schema.properties ?? {}).filter(([name]) => required.includes(name))
      return Object.fromEntries(properties.map(([name, property]) => [name, next(property as JsonSchema)]))
    }
    case "array":
      return schema.items === undefined || schema.items === false ? [] : [next(schema.items)]
    case "string":
      return "text"
    case "number":
    case "integer":
      return schema.minimum ?? 1
    case "boolean":
      return true
    default:
      return null
  }
}
