/** Addresses of the control calls; names are checked before they become part of one. */
import { expectInteger, expectName } from '../../base/expect.js'

export function modelPath(name: string): string {
  return `/v1/models/${expectName('model', name)}`
}

export function modelVersionPath(name: string, version: number): string {
  return `${modelPath(name)}/versions/${expectVersion(version)}`
}

export function pipelinePath(name: string): string {
  return `/v1/pipelines/${expectName('pipeline', name)}`
}

export function expectVersion(version: unknown): number {
  return expectInteger('version', version, 1, 2 ** 31 - 1)
}
