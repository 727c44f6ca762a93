/** Parts of snapshots that the tests of both forms of /metrics read. */

export const residency = {
  limitBytes: 1000,
  loadedBytes: 900,
  warmBytes: 300,
  warmLimitBytes: 400,
  warmSeconds: 900,
  loadedModels: 5,
  warmModels: 1,
  unloadedModels: 2,
  loads: 11,
  evictions: { room: 3, warm: 4 },
}

export const tables = {
  limitBytes: 2048,
  tables: [
    {
      table: 'customers.csv',
      rows: 4,
      bytes: 110,
      reloads: 1,
      failedReloads: 0,
      lookedUpRows: 9,
      missingRows: 2,
    },
  ],
}
