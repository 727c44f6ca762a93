/** Tables as Arrow IPC bytes, uncompressed: one copy of each column's memory. */
import { type Table, tableToIPC } from 'apache-arrow'

export function writeArrow(table: Table, form: 'file' | 'stream'): Uint8Array {
  return tableToIPC(table, form)
}
