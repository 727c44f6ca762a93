/**
 * The page at /docs in Debian's Chromium: it comes from the server alone and under its policy, shows what the server
 * describes, and tries a pipeline out. Needs `chromium` in the PATH (apt install chromium; .ci/run does); skipped without.
 */
import { spawnSync } from 'node:child_process'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium, type Browser, type Page } from 'playwright-core'
import { type Contract, Engine, PenstockServer } from 'penstock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modelBytes, testKey } from '../../support/served.js'

const executablePath = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim()
const withoutBrowser = executablePath === ''
const stepLimitMs = 60_000

const plus: Contract = {
  name: 'plus',
  description: 'One more of each',
  fields: [
    { name: 'alcohol', dtype: 'float32', min: 0, max: 20, unit: '%' },
    { name: 'b', dtype: 'float32' },
    { name: 'c', dtype: 'float32' },
    { name: 'y', dtype: 'float32', role: 'prediction', shape: [3] },
  ],
  example: { alcohol: 9.4, b: 1, c: 2 },
}

interface Visit {
  readonly page: Page
  /** Of every request that the page made, for whatever. */
  readonly addresses: string[]
  /** What the policy kept the page from, and what it complained of. */
  readonly complaints: string[]
}

describe.skipIf(withoutBrowser)(`the page at /docs${withoutBrowser ? ' (no chromium in the PATH)' : ''}`, () => {
  let browser: Browser
  let engine: Engine
  let server: PenstockServer
  let areKeysOn = false

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
    await engine.addModel('add', modelBytes('add-one'))
    await engine.contracts.put(plus)
    const steps = [{ type: 'model', model: 'add' }] as const
    await engine.applyPipeline({ name: 'plus', contract: 'plus', steps }, { deploy: true })
    const keys = {
      get count() {
        return areKeysOn ? 1 : 0
      },
      verify: (text: string) => (text === testKey ? { name: 'reader', scopes: ['infer'] as const } : undefined),
    }
    server = await PenstockServer.start({ engine, port: 0, keys })
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
    await engine?.close()
  })

  async function visit(base = server.url): Promise<Visit> {
    const page = await browser.newPage()
    page.setDefaultTimeout(stepLimitMs)
    const addresses: string[] = []
    const complaints: string[] = []
    page.on('request', (request) => addresses.push(request.url()))
    page.on('websocket', (socket) => addresses.push(socket.url()))
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (line) => {
      if (line.type() === 'error') complaints.push(line.text())
    })
    await page.goto(`${base}/docs`)
    return { page, addresses, complaints }
  }

  const operation = (page: Page) => page.locator('#operations-predict-postPredict_plus')

  /** Opens the pipeline's address and sends `body`; null: the example as it stands there. @returns the status and text shown. */
  async function execute(page: Page, body: string | null): Promise<{ status: string; text: string }> {
    const box = operation(page)
    if ((await box.locator('.execute').count()) === 0) {
      await box.locator('.opblock-summary-control').click()
      await box.locator('.try-out__btn').click()
    }
    const editor = box.locator('textarea.body-param__text')
    if (body !== null) await editor.fill(body)
    const answered = page.waitForResponse((response) => response.url().endsWith('/predict/plus'))
    await box.locator('.execute').click()
    const status = String((await answered).status())
    const shown = box.locator('.live-responses-table .response')
    await shown.locator('.response-col_status', { hasText: status }).waitFor()
    return {
      status: (await shown.locator('.response-col_status').innerText()).trim(),
      text: await shown.locator('.response-col_description').innerText(),
    }
  }

  it('shows the server’s own description and tries its pipelines out; no request leaves the server', async () => {
    const { page, addresses, complaints } = await visit()
    await operation(page).waitFor()
    expect(await page.locator('.info .title').innerText()).toContain('Penstock')
    expect(await page.locator('.opblock').count()).toBeGreaterThan(50)
    expect(complaints).toEqual([])

    const example = await execute(page, null)
    expect([example.status, example.text]).toEqual(['200', expect.stringMatching(/"y": \[\s*10\.4/)])
    const wrong = await execute(page, '{"alcohol": "strong", "b": 1, "c": 2}')
    expect(wrong.status).toBe('422')
    expect(wrong.text).toContain('Expected alcohol of row 0 to be a number')
    // The browser itself says on the console that it was answered 422.
    expect(complaints.filter((line) => !line.includes('422'))).toEqual([])
    expect(addresses).toContain(`${server.url}/docs/swagger-ui-bundle.js`)
    expect(addresses).toContain(`${server.url}/openapi.json`)

    // The address that all pipelines share, with the name typed in.
    const shared = page.locator('#operations-predict-postPredictPipeline')
    await shared.locator('.opblock-summary-control').click()
    await shared.locator('.try-out__btn').click()
    await shared.locator('.parameters input[placeholder="pipeline"]').fill('plus')
    await shared.locator('textarea.body-param__text').fill('[{"alcohol": 1, "b": 1, "c": 2}]')
    await shared.locator('.execute').click()
    await shared.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor()

    const foreign = addresses.filter((address) => !address.startsWith(`${server.url}/`) && !address.startsWith('data:'))
    expect(foreign).toEqual([])
    await page.close()
  })

  it('works below the prefix of a proxy', async () => {
    const prefix = '/penstock'
    const proxy = createServer((request, response) => {
      const path = request.url?.startsWith(`${prefix}/`) === true ? request.url.slice(prefix.length) : '/nowhere'
      const { method, headers } = request
      const passed = httpRequest(`${server.url}${path}`, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      request.pipe(passed)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${prefix}`
    try {
      const { page, addresses } = await visit(base)
      await operation(page).waitFor()
      expect((await execute(page, null)).status).toBe('200')
      expect(addresses).toContain(`${base}/predict/plus`)
      expect(addresses.filter((address) => !address.startsWith(`${base}/`) && !address.startsWith('data:'))).toEqual([])
      await page.close()
    } finally {
      proxy.close()
      proxy.closeAllConnections()
    }
  })

  it('is held to its policy: another host, an inline script and a frame are kept out', async () => {
    const { page, complaints } = await visit()
    await operation(page).waitFor()
    await page.evaluate(`(() => {
      globalThis.blocked = []
      document.addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective))
      fetch('http://localhost:1/').catch(() => undefined)
      const script = document.createElement('script')
      script.textContent = 'globalThis.hasRun = true'
      new Image().src = 'http://localhost:1/x.png'
      const frame = document.createElement('iframe')
      frame.src = location.href
      document.body.append(script, frame)
    })()`)
    await page.waitForFunction('blocked.length >= 4')
    const outcome = await page.evaluate('({ blocked: blocked.sort(), hasRun: globalThis.hasRun === true })')
    expect(outcome).toEqual({
      blocked: ['connect-src', 'frame-src', 'img-src', 'script-src-elem'],
      hasRun: false,
    })
    expect(complaints.length).toBeGreaterThan(0)
    await page.close()
  })

  it('asks for a key where the server does, and tries out with it', async () => {
    areKeysOn = true
    try {
      const { page, addresses } = await visit()
      const problem = page.locator('#problem')
      await problem.waitFor()
      expect(await problem.innerText()).toContain('Expected an API key but received none')
      expect(await page.locator('.opblock').count()).toBe(0)
      await page.locator('#key').fill('psk_wrong')
      await page.locator('#access button').click()
      await page.getByText('Expected a valid API key but received another').waitFor()
      await page.locator('#key').fill(testKey)
      await page.locator('#access button').click()
      await operation(page).waitFor()
      expect(await page.locator('#access').isVisible()).toBe(false)
      expect((await execute(page, null)).status).toBe('200')
      expect(addresses.filter((address) => address.includes(testKey))).toEqual([])
      // Nothing of it is kept: the next visit asks again.
      await page.reload()
      await problem.waitFor()
      expect(await page.evaluate('localStorage.length + sessionStorage.length')).toBe(0)
      await page.close()
    } finally {
      areKeysOn = false
    }
  })
})
