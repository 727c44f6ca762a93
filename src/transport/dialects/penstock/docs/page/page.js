/**
 * The page at /docs: Swagger UI over the OpenAPI document of the server that it came from. The document is fetched here and
 * handed over, because the key of a server that has keys can only be known here: a browser that opens an address sends
 * none. The key stays in this page's memory and is gone with it. Addresses are relative, so that a proxy's prefix does
 * not matter. Runs in browsers, as it is: nothing compiles it.
 */
/* global document, location, fetch, SwaggerUIBundle */

const serverUrl = new URL('.', location.href).href.replace(/\/$/, '')
const problem = document.getElementById('problem')
const access = document.getElementById('access')
const key = document.getElementById('key')

access.addEventListener('submit', (event) => {
  event.preventDefault()
  void open(key.value.trim())
})
void open('')

async function open(apiKey) {
  try {
    const headers = apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` }
    const response = await fetch(`${serverUrl}/openapi.json`, { headers, cache: 'no-store' })
    const answer = await response.json()
    if (!response.ok) return refuse(String(answer.error), response.status === 401)
    problem.hidden = access.hidden = true
    show(answer, apiKey)
  } catch (error) {
    refuse(`Expected the server to answer with its description but it did not: ${error.message}`, false)
  }
}

function refuse(sentence, needsKey) {
  problem.textContent = sentence
  problem.hidden = false
  access.hidden = !needsKey
}

function show(description, apiKey) {
  const ui = SwaggerUIBundle({
    spec: { ...description, servers: [{ url: serverUrl }] },
    dom_id: '#swagger-ui',
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    // Absent, a badge is asked of a validator on the Internet.
    validatorUrl: null,
    onComplete: () => {
      if (apiKey !== '') ui.preauthorizeApiKey('apiKey', apiKey)
    },
  })
}
