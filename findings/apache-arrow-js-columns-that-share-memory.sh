#!/usr/bin/env bash
# apache-arrow 21.2.0 (JavaScript) writes a table wrongly when two columns that follow each other have the same typed array
# behind them, or overlapping parts of one: what it writes is joined from chunks, and chunks of one ArrayBuffer whose ranges
# overlap are taken for one range, so the second column's bytes are left out. The lengths and offsets are those of both.
# As a stream the message ends early, and its own reader says so. As a file the reader finds footer bytes where the second
# column should be: four finite numbers that nobody wrote, and no error. Parts of one array that only touch are right.
# Way out: give each column an array of its own (slice()).
# The rule is joinUint8Arrays in the package's util/buffer.js; a stream that is too short for its message is also told of in
# https://github.com/apache/arrow-js/issues/315, without this cause. Source: run here, Node 20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" apache-arrow@21.2.0
cat >share.mjs <<'JS'
import { Float64, makeData, makeVector, Table, tableFromIPC, tableToIPC } from 'apache-arrow'

const values = Float64Array.of(1, 2, 3, 4)
const column = (data) => makeVector(makeData({ type: new Float64(), data }))
const tables = {
  own: { a: column(values), b: column(values.slice()) },
  touching: { a: column(values.subarray(0, 2)), b: column(values.subarray(2)) },
  shared: { a: column(values), b: column(values) },
}
for (const [name, columns] of Object.entries(tables))
  for (const form of ['stream', 'file']) {
    const bytes = tableToIPC(new Table(columns), form)
    let seen
    try {
      const read = tableFromIPC(bytes)
      const isRight = ['a', 'b'].every((key) => String(read.getChild(key).toArray()) === String(columns[key].toArray()))
      seen = isRight ? 'right' : `wrong: b is ${read.getChild('b').toArray().join(', ')}`
    } catch (error) {
      seen = `refused: ${error.message}`
    }
    console.log(name, form, `${bytes.length} bytes`, seen)
  }
JS
node --version
seen=$(node share.mjs)
printf '%s\n' "$seen"
for right in 'own stream' 'own file' 'touching stream' 'touching file'; do grep -q "^$right .* right$" <<<"$seen"; done
grep -q '^shared stream .* refused: Expected to read 64 bytes for message body' <<<"$seen"
grep -q '^shared file .* wrong: b is ' <<<"$seen"
