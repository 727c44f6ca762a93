/** The sentence with which `pipeline tag` and `model tag` say their result. */
export function tagsSentence(name: string, tags: readonly string[] | undefined): string {
  return tags === undefined || tags.length === 0 ? `${name} has no tags` : `${name} has the tags ${tags.join(', ')}`
}
