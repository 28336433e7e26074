import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A process of the built executable, with its output in two files. It dies with the test.
final class Program {
  /// Beside the test bundle, where the build puts it, or where TRIBUTARY_EXECUTABLE says.
  static let executable: String = {
    if let path = ProcessInfo.processInfo.environment["TRIBUTARY_EXECUTABLE"] { return path }
    let bundles = [CommandLine.arguments[0], Bundle.main.bundlePath] + Bundle.allBundles.map(\.bundlePath)
    for bundle in bundles {
      var folder = URL(fileURLWithPath: bundle).standardizedFileURL
      for _ in 0..<4 {
        folder.deleteLastPathComponent()
        let path = folder.appendingPathComponent("tributary").path
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue { return path }
      }
    }
    return "tributary"
  }()

  private let process = Process()
  private let outputFile: String
  private let errorFile: String

  /// - Parameters:
  ///   - log: The files are this path with `.out` and `.err`; a program that is started again adds to them.
  ///   - shell: What a shell does before it becomes the program, as `ulimit`.
  init(_ arguments: [String], log: String, shell: String? = nil) throws {
    outputFile = log + ".out"
    errorFile = log + ".err"
    if let shell {
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = ["-c", "\(shell); exec \"$@\"", "bash", Self.executable] + arguments
    } else {
      process.executableURL = URL(fileURLWithPath: Self.executable)
      process.arguments = arguments
    }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try Self.appending(to: outputFile)
    process.standardError = try Self.appending(to: errorFile)
    try process.run()
    Watchdog.shared.watch(process.processIdentifier)
  }

  deinit { kill() }

  private static func appending(to path: String) throws -> FileHandle {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
    return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  var isRunning: Bool { process.isRunning }
  var output: String { (try? String(contentsOfFile: outputFile, encoding: .utf8)) ?? "" }
  var error: String { (try? String(contentsOfFile: errorFile, encoding: .utf8)) ?? "" }

  /// SIGKILL: no handler runs, nothing is flushed. Returns when the process is gone.
  func kill() {
    if process.isRunning { signal(SIGKILL) }
    process.waitUntilExit()
    Watchdog.shared.forget(process.processIdentifier)
  }

  /// SIGSTOP: the process keeps its connections and does nothing until `resume`.
  func pause() { signal(SIGSTOP) }

  func resume() { signal(SIGCONT) }

  private func signal(_ number: Int32) {
    #if canImport(Glibc)
      _ = Glibc.kill(process.processIdentifier, number)
    #else
      _ = Darwin.kill(process.processIdentifier, number)
    #endif
  }

  /// The exit status, once the process has ended by itself.
  func status() async throws -> Int32 {
    try await eventually("\(process.arguments ?? []) ends") { !process.isRunning }
    return process.terminationStatus
  }
}

/// A shell that kills what is left of the tests' processes when the process of the tests is gone, however it went.
final class Watchdog: Sendable {
  static let shared = Watchdog()
  private let pipe = Pipe()

  private init() {
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = [
      "-c",
      """
      trap '' INT TERM HUP
      while read -r sign pid; do
        others=; for each in $all; do [ $each = $pid ] || others="$others $each"; done
        if [ $sign = + ]; then all="$others $pid"; else all=$others; fi
      done
      for each in $all; do kill -9 $each; done
      """,
    ]
    shell.standardInput = pipe
    shell.standardOutput = FileHandle.nullDevice
    shell.standardError = FileHandle.nullDevice
    try? shell.run()
  }

  func watch(_ process: Int32) { tell("+ \(process)\n") }
  func forget(_ process: Int32) { tell("- \(process)\n") }
  private func tell(_ line: String) { try? pipe.fileHandleForWriting.write(contentsOf: Data(line.utf8)) }
}

struct NeverHappened: Error, CustomStringConvertible {
  let description: String
}

/// Looks until it holds. The deadline is generous: it is for what never happens, not for what is slow.
func eventually(
  _ what: @autoclosure () -> String, within limit: Duration = .seconds(90), _ holds: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while true {
    if try await holds() { return }
    guard ContinuousClock.now < end else { throw NeverHappened(description: "not within \(limit): \(what())") }
    try await Task.sleep(for: .milliseconds(15))
  }
}
