/** What `pipeline tag` and `model tag` share: one call per tag, and the sentence that tells the result. */
import type { ServerApi } from './server-api.js'

/**
 * Adds or removes tags one after the other; a refusal leaves those before it done.
 * @param path of what is tagged.
 * @returns the last answer.
 */
export async function changeTags(
  api: ServerApi,
  path: string,
  tags: readonly string[],
  isRemoval: boolean,
): Promise<unknown> {
  let answer: unknown
  for (const tag of tags)
    answer = await api.call(isRemoval ? 'DELETE' : 'PUT', `${path}/tags/${encodeURIComponent(tag)}`)
  return answer
}

export function tagsSentence(name: string, tags: readonly string[] | undefined): string {
  return tags === undefined || tags.length === 0 ? `${name} has no tags` : `${name} has the tags ${tags.join(', ')}`
}
