/** What is added to Swagger UI's script and style, so that a page of it has no violation that axe finds. */

/**
 * Starts it. It has no list of servers, which would have but this one and no name; in its place there is the heading that is
 * missing between the title and those of the groups. What is opened later has landmarks without names, and parts that can be
 * scrolled with a mouse alone.
 */
export const script = `
const worker_pool_docs = ({ React }) => ({
  components: { ServersContainer: () => React.createElement("h2", { className: "operations-title" }, "Operations") }
})
window.ui = SwaggerUIBundle({ 
  url: "openapi.json",
  dom_id: "#swagger-ui",
  plugins: [worker_pool_docs],
  syntaxHighlight: false
})
new MutationObserver(() => {
  for (const table of document.querySelectorAll(".responses-table[role=region]")) table.removeAttribute("role")
  for (const code of document.querySelectorAll(".highlight-code pre, pre.example")) code.tabIndex = 0
}).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true })
`

/** Darker, where its colours are too near to those behind them. */
export const style = `
.swagger-ui .operations-title { font: 700 24px sans-serif; color: #3b4151; margin: 0 0 12px }
.swagger-ui .info .title small, .swagger-ui .info .title small.version-stamp { background: #4b5563 }
.swagger-ui a.link, .swagger-ui .info .url, .swagger-ui .renderedMarkdown a { color: #1d5fae }
.swagger-ui .btn.authorize { color: #17603b; border-color: #17603b }
.swagger-ui .btn.authorize svg { fill: #17603b }
.swagger-ui .opblock.opblock-get .opblock-summary-method { background: #1d5fae }
.swagger-ui .opblock.opblock-post .opblock-summary-method { background: #17603b }
.swagger-ui .opblock.opblock-patch .opblock-summary-method { background: #0f6b62 }
.swagger-ui .opblock.opblock-delete .opblock-summary-method { background: #b3261e }
.swagger-ui .renderedMarkdown code { color: #3b4151 }
.swagger-ui [class*=json-schema-2020-12-], .swagger-ui .parameter__in, .swagger-ui .response-control-media-type__accept-message,
.swagger-ui .parameter__name.required::after, .swagger-ui .response-col_links { color: #3b4151 }
`
