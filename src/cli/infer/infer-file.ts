/** `penstock infer --file`: every row of a file through a pipeline, with a progress bar on a terminal, to stdout or a file. */
import { RemotePipeline } from '../../client/index.js'
import { isPenstockError } from '../../base/errors.js'
import { inferFromFile, type FileProgress, type InferFileOptions } from '../../files/index.js'
import { UnreachableError, unreachableWayOut } from '../shared/failures.js'
import type { ServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'

export interface FileOptions extends ServerOptions {
  readonly file: string
  readonly output?: string
  readonly fileFormat?: string
  readonly outputFormat?: string
  readonly dataset?: readonly string[]
  readonly datasetExclude?: readonly string[]
  readonly deadline?: number
  readonly rowsPerRequest?: number
  readonly parallel?: number
}

const REFRESH_MS = 200
const BAR_CHARACTERS = 24

export async function inferFileCommand(terminal: Terminal, pipeline: string, options: FileOptions): Promise<void> {
  const target = new RemotePipeline(
    options.url,
    pipeline,
    options.apiKey === undefined ? {} : { apiKey: options.apiKey },
  )
  const bar = progressBar(terminal)
  const settings: InferFileOptions = {
    format: options.fileFormat,
    dataset: options.dataset,
    datasetExclude: options.datasetExclude,
    timeoutMs: options.deadline,
    rowsPerRequest: options.rowsPerRequest,
    parallelism: options.parallel,
    onProgress: bar.show,
  }
  try {
    if (options.output === undefined) return await printAnswers(terminal, target, options.file, settings)
    const { rows } = await inferFromFile(target, options.file, {
      ...settings,
      output: options.output,
      outputFormat: options.outputFormat,
    })
    bar.clear()
    terminal.note(`${rows.toLocaleString('en')} rows → ${options.output}`)
  } catch (error) {
    if (isPenstockError(error) && error.code === 'ERR_CONNECTION_LOST')
      throw new UnreachableError(`${error.message}. ${unreachableWayOut}`, { cause: error })
    throw error
  } finally {
    bar.clear()
  }
}

/** A record a line: what the next program of a pipe reads while this one runs. */
async function printAnswers(
  terminal: Terminal,
  target: RemotePipeline,
  path: string,
  settings: InferFileOptions,
): Promise<void> {
  const [{ inferFileTables }, { recordPieces }] = await Promise.all([
    import('../../files/infer-file.js'),
    import('../../formats/write-records.js'),
  ])
  for await (const table of inferFileTables(target, path, settings)) {
    for (const piece of recordPieces(table, { separator: '.', isLines: true })) {
      if (piece !== '') terminal.print(piece.trimEnd())
    }
  }
}

interface Bar {
  readonly show: (progress: FileProgress) => void
  readonly clear: () => void
}

function progressBar(terminal: Terminal): Bar {
  const startMs = performance.now()
  let shownMs = -Infinity
  return {
    show: ({ rows, bytesRead, bytesTotal }) => {
      const nowMs = performance.now()
      if (nowMs - shownMs < REFRESH_MS) return
      shownMs = nowMs
      const share = bytesTotal === 0 ? 1 : bytesRead / bytesTotal
      const filled = Math.round(share * BAR_CHARACTERS)
      const bar = '━'.repeat(filled) + '─'.repeat(BAR_CHARACTERS - filled)
      const perSecond = Math.round(rows / Math.max(0.001, (nowMs - startMs) / 1000))
      terminal.progress(
        `${bar} ${Math.floor(share * 100)} %  ${rows.toLocaleString('en')} rows, ${perSecond.toLocaleString('en')}/s`,
      )
    },
    clear: () => terminal.progress(''),
  }
}
