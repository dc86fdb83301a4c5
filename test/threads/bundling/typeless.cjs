/** A loader of webpack: takes the types away, as Node does. */
const { stripTypeScriptTypes } = require("node:module")

module.exports = (source) => stripTypeScriptTypes(source)
