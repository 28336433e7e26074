import GRDB

/// The steps that bring a database to this version's tables. Appended to, never edited: databases that already took a
/// step never take it again.
enum Migrations {
  static var all: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1-events") { database in
      try database.execute(sql: createEvents)
      try database.execute(sql: createEventsByRun)
    }
    return migrator
  }

  private static let createEvents = """
    -- create the event log
    CREATE TABLE events (
      -- place in the log: 1, 2, 3, … without gaps
      sequence BIGINT NOT NULL PRIMARY KEY,
      -- what happened, in the words of the log's owner
      kind TEXT NOT NULL,
      -- the run it belongs to; null when it concerns the whole coordinator
      run TEXT,
      -- the round's number; null when it concerns a whole run
      round BIGINT,
      -- when, in milliseconds since 1970, by the owner's clock
      time_milliseconds BIGINT NOT NULL,
      -- what the owner needs to replay it; empty once erased
      payload BYTEA NOT NULL,
      -- SHA-256 of the payload as appended; kept when the payload is erased
      digest BYTEA NOT NULL,
      -- 1 when the payload was erased, else 0
      erased SMALLINT NOT NULL DEFAULT 0
    )
    """

  private static let createEventsByRun = """
    -- find the events of one run in order
    CREATE INDEX events_by_run ON events (run, sequence)
    """
}
