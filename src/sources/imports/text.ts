/** Texts of files and answers that somebody else wrote. */
import { readFileSync } from 'node:fs'
import { reasonOf, sourceError } from './failures.js'

export function readFileText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw sourceError(`Cannot read ${path}: ${reasonOf(error)}`, { cause: error })
  }
}

export function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw sourceError(`Expected ${what} to be JSON: ${reasonOf(error)}`, { cause: error })
  }
}
