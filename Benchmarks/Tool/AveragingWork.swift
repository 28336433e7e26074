import Foundation

/// Rounds of secure averaging, all participants and the coordinator in this process, one after the other.
///
///     averaging --participants 100 --dimension 1000000 --lost 10
///
/// `--cohort N` says that this is one group of N participants, whose grid must hold the sum of all; `--keep DIRECTORY`
/// leaves there what a coordinator has of a round on its disk. Everyone advertises and shares; the last `--lost` never upload, so that their masks have to be removed. A line on
/// standard input is a number of rounds, and each round is answered by a line:
///
///     {"wall": {"client": [seconds of each survivor], "server": seconds, …}, "cpu": …, "up": bytes, …}
///
/// A client's seconds are those of its five messages, from the advert to the answer; the server's are those of taking all
/// messages and unmasking. Training and the network are in neither, and rounding to the grid and back is told apart.
enum AveragingWork {
  static func run(_ options: Options) throws {
    let cohort = try SimulatedCohort(
      participants: options.value("participants"), lost: options.value("lost"), dimension: options.value("dimension"),
      cohort: try? options.value("cohort"))
    let keep = (try? options.text("keep")).map(StoredRound.init(path:))
    print("{\"ready\": true}")
    fflush(nil)
    while let line = readLine() {
      guard let count = Int(line), count > 0 else {
        BenchmarkTool.fail("expected a number of rounds, found \"\(line)\"")
      }
      for _ in 0..<count { print(try cohort.round(keep: keep).json) }
      fflush(nil)
    }
  }
}

/// What one round took, and what came out.
struct AveragingRound {
  /// Of each survivor.
  var clients: [Stopwatch] = []
  /// Of one survivor's update.
  var encode = Stopwatch()
  var server = Stopwatch()
  var decode = Stopwatch()
  var bits = 0
  /// Bytes of the fields of one survivor's messages, without the model.
  var up = 0
  var down = 0
  /// ‖mean found − mean‖² / ‖mean‖².
  var error = 0.0

  var json: String {
    func times(_ clock: (Stopwatch) -> Double) -> String {
      """
      {"client": \(clients.map(clock)), "encode": \(clock(encode)), "server": \(clock(server)), \
      "decode": \(clock(decode))}
      """
    }
    return """
      {"wall": \(times(\.wall)), "cpu": \(times(\.cpu)), "bits": \(bits), "up": \(up), "down": \(down), \
      "error": \(error)}
      """
  }
}
