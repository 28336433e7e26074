/// Rows of a table, picked by number: y[i, :] = table[id[i], :], and its gradient, dTable[id[i], :] += dy[i, :].
public enum Embedding {
  /// - Parameters:
  ///   - table: `[rows, columns]`; each id names one of its rows.
  ///   - accumulate: Add to `y`, for positions and token types on top of tokens.
  public static func gather(
    _ y: inout MutableSpan<Float>, table: Span<Float>, ids: Span<Int32>, columns: Int, accumulate: Bool = false,
    threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    precondition(columns > 0 && y.count == ids.count * columns && table.count % columns == 0)
    precondition(ids.isWithin(table.count / columns))
    let (yp, source, rows) = (y.pointer(), table.pointer, ids.pointer)
    threads.rows(ids.count, columns) { first, count in
      for i in first..<first + count {
        let row = source + Int(rows[i]) * columns
        if accumulate {
          kernels.addScaled(columns, row, 1, yp + i * columns)
        } else {
          (yp + i * columns).update(from: row, count: columns)
        }
      }
    }
  }

  /// The same from a packed table, such as an output layer that shares its weights with the embedding.
  ///
  /// - Parameter table: A row for each id, and as many inputs as `y` has columns.
  public static func gather(
    _ y: inout MutableSpan<Float>, table: PackedMatrix, ids: Span<Int32>, threads: ThreadPool = .shared
  ) {
    let columns = table.inputs
    precondition(y.count == ids.count * columns && ids.isWithin(table.outputs))
    let (yp, rows) = (y.pointer(), ids.pointer)
    threads.rows(ids.count, columns) { first, count in
      for i in first..<first + count { table.copyRow(Int(rows[i]), to: yp + i * columns) }
    }
  }

  /// dTable[id[i], :] += dy[i, :], in the order of i: the same id may come often.
  public static func scatterAdd(
    dTable: inout MutableSpan<Float>, ids: Span<Int32>, dy: Span<Float>, columns: Int,
    threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    precondition(columns > 0 && dy.count == ids.count * columns && dTable.count % columns == 0)
    precondition(ids.isWithin(dTable.count / columns))
    let (target, rows, source) = (dTable.pointer(), ids.pointer, dy.pointer)
    let tokens = ids.count
    threads.columns(tokens, columns) { j, count in
      for i in 0..<tokens {
        kernels.addScaled(count, source + (i * columns + j), 1, target + (Int(rows[i]) * columns + j))
      }
    }
  }
}
