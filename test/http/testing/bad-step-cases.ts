/** The table of bad-input.test.ts for definitions whose steps take columns and leave columns. */
import type { HttpCase } from './bad-http-cases.js'

const script = {
  type: 'script',
  file: 'double.js',
  source: 'export default ({ columns }) => columns',
  inputs: [{ name: 'x', dtype: 'float32' }],
  columns: ['x'],
  outputs: [{ name: 'x', dtype: 'float32' }],
}
const scripted = { path: '/v1/pipelines/scripted?deploy=true', method: 'PUT' }

export const stepCases: readonly HttpCase[] = [
  {
    what: 'a script where none are allowed',
    ...scripted,
    body: { steps: [script] },
    code: 'ERR_UNSUPPORTED',
    says: 'Start the server with --allow-scripts',
  },
  {
    what: 'a script without its text',
    ...scripted,
    body: { steps: [{ ...script, source: undefined }] },
    code: 'ERR_PIPELINE_INVALID',
    says: 'Expected steps[0].source to be the text of double.js',
  },
  {
    what: 'a script with an option that is none',
    ...scripted,
    body: { steps: [{ ...script, timeout: 5 }] },
    code: 'ERR_PIPELINE_INVALID',
    says: 'Did you mean timeoutMs?',
  },
  {
    what: 'a script of a column that is not there',
    ...scripted,
    body: { steps: [{ ...script, columns: ['y'] }] },
    code: 'ERR_PIPELINE_INVALID',
    says: 'There are x',
  },
]
