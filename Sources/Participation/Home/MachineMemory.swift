import Foundation

/// How much memory a process may still take on this machine.
enum MachineMemory {
  /// The kernel's estimate of what is available without swapping, and no more than the process's control group has left;
  /// nil where neither is told.
  static func availableBytes() -> Int? {
    #if os(Linux)
      let whole = field("MemAvailable:", of: "/proc/meminfo").map { $0 * 1024 }
      let limit = number("/sys/fs/cgroup/memory.max").map { $0 - (number("/sys/fs/cgroup/memory.current") ?? 0) }
      return [whole, limit].compactMap { $0 }.min()
    #else
      return Int(ProcessInfo.processInfo.physicalMemory)
    #endif
  }

  private static func number(_ path: String) -> Int? {
    (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
      Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }

  private static func field(_ name: String, of path: String) -> Int? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line.flatMap { Int($0.dropFirst(name.count).split(separator: " ")[0]) }
  }
}

extension NodeHome {
  /// What training may take: the owner's bound, or what the machine has; nil where nobody says.
  func memoryForTraining() throws(ParticipationError) -> Int? {
    let available = MachineMemory.availableBytes()
    guard let bound = try settings().memoryMiB else { return available }
    return min(available ?? .max, bound.multipliedReportingOverflow(by: 1 << 20).partialValue)
  }
}
