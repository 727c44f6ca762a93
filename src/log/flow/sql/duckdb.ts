/**
 * What is used of DuckDB's library, by `require`: it is CommonJS in 180 files, each of which an `import` would parse once
 * more to find the names that it exports. That is a third of the processor time that the process of a query starts with.
 */
import { createRequire } from 'node:module'
import type * as Library from '@duckdb/node-api'

const library = createRequire(import.meta.url)('@duckdb/node-api') as typeof Library

export const {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  DuckDBArrayType,
  DuckDBInstance,
  DuckDBListType,
  DuckDBTableFunction,
  DuckDBTypeId,
  FLOAT,
  INTEGER,
  LIST,
  SMALLINT,
  StatementType,
  TIMESTAMP,
  TINYINT,
  UBIGINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
  VARCHAR,
} = library
