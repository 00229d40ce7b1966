//===----------------------------------------------------------------------===//
//
// This source file is part of the swift-interprocess open source project
//
// Copyright (c) 2026 the swift-interprocess authors
// Licensed under Apache License v2.0
//
// See LICENSE for license information
//
// SPDX-License-Identifier: Apache-2.0
//
//===----------------------------------------------------------------------===//

package import Subprocess
internal import SystemPackage

/// How a process ended, and what it printed.
package struct ProcessOutcome: Sendable, Equatable {
  package var status: TerminationStatus
  package var output: String
  package var errors: String

  package init(status: TerminationStatus, output: String, errors: String) {
    self.status = status
    self.output = output
    self.errors = errors
  }

  /// The outcome of a program that succeeded.
  package static func success(_ output: String = "") -> ProcessOutcome {
    ProcessOutcome(status: .exited(0), output: output, errors: "")
  }
}

/// Runs a program to its end.
///
/// - Parameters:
///   - program: A path, or a name that is looked up in `PATH`.
///   - environment: Variables to add to those of this process.
///   - input: The program's standard input.
package func run(
  _ program: String, _ arguments: [String] = [], environment: [String: String] = [:],
  input: String = ""
) async throws -> ProcessOutcome {
  let result = try await Subprocess.run(
    executable(program), arguments: Arguments(arguments),
    environment: updatedEnvironment(environment), platformOptions: endingWithTask,
    input: .string(input), output: .string(limit: 64 << 20), error: .string(limit: 64 << 20))
  return ProcessOutcome(
    status: result.terminationStatus, output: result.standardOutput, errors: result.standardError)
}

/// A running program that a test talks to line by line.
package struct ChildProcess: Sendable {
  package typealias Running = Execution<CustomWriteInput, SequenceOutput, FileDescriptorOutput>

  private let execution: Running
  private let lines: LineReader

  init(_ execution: Running) {
    self.execution = execution
    lines = LineReader(execution.standardOutput)
  }

  package var processID: Int32 { execution.processIdentifier.value }

  /// The next line that the program prints, without its end; `nil` when it has closed its output.
  package func nextLine() async throws -> String? {
    try await lines.next()
  }

  /// Sends a line to the program's standard input.
  package func send(_ line: String) async throws {
    _ = try await execution.standardInputWriter.write(line + "\n")
  }

  /// Closes the program's standard input.
  package func finishInput() async throws {
    try await execution.standardInputWriter.finish()
  }

  package func send(signal: Signal) throws {
    try execution.send(signal: signal)
  }

  /// Kills the program.
  package func kill() throws {
    try execution.send(signal: .kill)
  }

  /// Sends a command to the helper program and returns its answer.
  package func ask(_ command: String) async throws -> String? {
    try await send(command)
    return try await nextLine()
  }
}

/// Starts a program, whose standard error is that of the tests, and talks to it.
///
/// When the body ends, closes the program's input and waits for the program. If the body throws,
/// kills the program first, as it may have been stopped.
///
/// - Returns: How the program ended, and the body's result.
package func withChildProcess<Result: Sendable>(
  _ program: String, _ arguments: [String] = [], environment: [String: String] = [:],
  _ body: (ChildProcess) async throws -> Result
) async throws -> (status: TerminationStatus, result: Result) {
  let outcome = try await Subprocess.run(
    executable(program), arguments: Arguments(arguments),
    environment: updatedEnvironment(environment), platformOptions: endingWithTask,
    input: .inputWriter, output: .sequence, error: .currentStandardError
  ) { execution in
    let child = ChildProcess(execution)
    do {
      return try await body(child)
    } catch {
      try? child.kill()
      throw error
    }
  }
  return (outcome.terminationStatus, outcome.closureResult)
}

/// Ends a program, and all processes that it has started, with the task that runs it, as when a
/// test fails before it has the outcome.
private let endingWithTask: PlatformOptions = {
  var options = PlatformOptions()
  options.processGroupID = 0
  options.teardownSequence = [
    .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)
  ]
  return options
}()

private func executable(_ program: String) -> Executable {
  program.contains("/") ? .path(.init(program)) : .name(program)
}

private func updatedEnvironment(_ changes: [String: String]) -> Environment {
  var values: [Environment.Key: String?] = [:]
  for (key, value) in changes { values[Environment.Key(stringLiteral: key)] = value }
  return .inherit.updating(values)
}

/// Hands out the lines of an output one by one.
private actor LineReader {
  private var iterator: SubprocessOutputSequence.StringSequence<UTF8>.AsyncIterator

  init(_ output: SubprocessOutputSequence) {
    iterator = output.strings().makeAsyncIterator()
  }

  func next() async throws -> String? {
    var iterator = self.iterator
    let line = try await iterator.next()
    self.iterator = iterator
    return line
  }
}
