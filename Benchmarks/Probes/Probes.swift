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
package import Interprocess
import Synchronization

// One function for each public operation that takes under 100 ns, with concrete types.
// `scripts/inlining` reads their machine code.

/// A value of 24 bytes.
package struct Three: Shareable {
  package var a: UInt64
  var b: UInt64
  var c: UInt64
}

/// A value of 64 bytes.
package struct Eight: Shareable {
  package var words: InlineArray<8, UInt64>
}

// MARK: - SharedAtomic

@inline(never) package func atomicLoad(_ atomic: SharedAtomic<UInt64>) -> UInt64 {
  atomic[].load(ordering: .acquiring)
}
@inline(never) package func atomicStore(_ atomic: SharedAtomic<UInt64>, _ value: UInt64) {
  atomic[].store(value, ordering: .releasing)
}
@inline(never) package func atomicAdd(_ atomic: SharedAtomic<UInt64>) {
  atomic[].wrappingAdd(1, ordering: .relaxed)
}
@inline(never) package func atomicExchange(_ atomic: SharedAtomic<UInt64>, _ value: UInt64)
  -> UInt64
{
  atomic[].exchange(value, ordering: .acquiringAndReleasing)
}
@inline(never) package func atomicCompareExchange(
  _ atomic: SharedAtomic<UInt32>, _ old: UInt32, _ new: UInt32
) -> Bool {
  atomic[].compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing).exchanged
}
@inline(never) package func atomicNotify(_ atomic: SharedAtomic<UInt64>) { atomic.notify() }
@inline(never) package func memoryAtomicAdd(_ memory: borrowing SharedMemory) {
  memory[atomic: UInt64.self, at: 64].wrappingAdd(1, ordering: .relaxed)
}

// MARK: - SharedValue

@inline(never) package func valueLoad8(_ value: borrowing SharedValue<UInt64>) throws -> UInt64 {
  try value.load()
}
@inline(never) package func valueLoad24(_ value: borrowing SharedValue<Three>) throws -> UInt64 {
  let found = try value.load()
  return found.a &+ found.b &+ found.c
}
@inline(never) package func valueLoad64(_ value: borrowing SharedValue<Eight>) throws -> UInt64 {
  let found = try value.load()
  return found.words[0] &+ found.words[7]
}
@inline(never) package func valueStore8(_ value: borrowing SharedValue<UInt64>, _ new: UInt64)
  throws
{
  try value.store(new)
}
@inline(never) package func valueStore24(_ value: borrowing SharedValue<Three>, _ new: UInt64)
  throws
{
  try value.store(Three(a: new, b: new, c: new))
}
@inline(never) package func valueStore64(_ value: borrowing SharedValue<Eight>, _ new: Eight) throws
{
  try value.store(new)
}
@inline(never) package func valueVersion(_ value: borrowing SharedValue<UInt64>) -> UInt64 {
  value.version
}

// MARK: - SharedArray

@inline(never) package func arrayGet(_ array: borrowing SharedArray<Double>, _ i: Int) -> Double {
  array[i]
}
@inline(never) package func arraySet(_ array: inout SharedArray<Double>, _ i: Int, _ new: Double) {
  array[i] = new
}
@inline(never) package func arrayAdd(_ array: inout SharedArray<Double>, _ i: Int, _ new: Double) {
  array[i] += new
}
@inline(never) package func arrayGet2(_ array: borrowing SharedArray<Float>, _ i: Int, _ j: Int)
  -> Float
{
  array[i, j]
}
@inline(never) package func arraySet2(
  _ array: inout SharedArray<Float>, _ i: Int, _ j: Int, _ new: Float
) {
  array[i, j] = new
}
@inline(never) package func arrayGet3(_ array: borrowing SharedArray<UInt8>, _ i: Int) -> UInt8 {
  array[i, i, i]
}
@inline(never) package func arrayGetStructure(_ array: borrowing SharedArray<Three>, _ i: Int)
  -> UInt64
{
  array[i].b
}
@inline(never) package func arraySumSpan(_ array: borrowing SharedArray<Double>) -> Double {
  let span = array.span
  var sum = 0.0
  for index in span.indices { sum += span[index] }
  return sum
}
@inline(never) package func arraySumIntegers(_ array: borrowing SharedArray<UInt64>) -> UInt64 {
  let span = array.span
  var sum: UInt64 = 0
  for index in span.indices { sum &+= span[index] }
  return sum
}
@inline(never) package func arraySumSubscript(_ array: borrowing SharedArray<Double>) -> Double {
  var sum = 0.0
  for index in 0..<array.count { sum += array[index] }
  return sum
}
@inline(never) package func arrayWriteSpan(_ array: inout SharedArray<Double>) {
  var span = array.mutableSpan
  for index in span.indices { span[index] = Double(index) }
}
@inline(never) package func arrayWithSpan(_ array: borrowing SharedArray<Double>) -> Double {
  array.withSpan { $0[0] }
}
@inline(never) package func arrayWithMutableSpan(_ array: inout SharedArray<Double>) {
  array.withMutableSpan { $0[0] = 1 }
}
@inline(never) package func arrayFill(_ array: inout SharedArray<Double>) { array.fill(with: 1.5) }
@inline(never) package func arrayCopy(_ array: inout SharedArray<Double>, _ values: [Double]) {
  array.copy(from: values)
}
@inline(never) package func arrayCopySpan(
  _ array: inout SharedArray<Double>, _ values: Span<Double>
) {
  array.copy(from: values)
}
@inline(never) package func arrayCount(_ array: borrowing SharedArray<Double>) -> Int {
  array.count
}
@inline(never) package func arrayShape(_ array: borrowing SharedArray<Double>) -> Int {
  array.shape[0]
}
@inline(never) package func arrayByteCount(_ array: borrowing SharedArray<Double>) -> Int {
  array.byteCount
}

// MARK: - SharedMemory

@inline(never) package func memoryGet(_ memory: borrowing SharedMemory, _ offset: Int) -> UInt8 {
  memory[offset]
}
@inline(never) package func memorySet(_ memory: inout SharedMemory, _ offset: Int, _ new: UInt8) {
  memory[offset] = new
}
@inline(never) package func memoryLoad(_ memory: borrowing SharedMemory, _ offset: Int) -> Double {
  memory.load(fromByteOffset: offset, as: Double.self)
}
@inline(never) package func memoryLoadStructure(_ memory: borrowing SharedMemory, _ offset: Int)
  -> UInt64
{
  memory.load(fromByteOffset: offset, as: Three.self).b
}
@inline(never) package func memoryStore(_ memory: inout SharedMemory, _ offset: Int, _ new: Double)
{
  memory.storeBytes(of: new, toByteOffset: offset, as: Double.self)
}
@inline(never) package func memorySumSpan(_ memory: borrowing SharedMemory) -> UInt64 {
  let span = memory.span(of: UInt64.self)
  var sum: UInt64 = 0
  for index in span.indices { sum &+= span[index] }
  return sum
}
@inline(never) package func memorySumPart(_ memory: borrowing SharedMemory, _ count: Int) -> UInt64
{
  let span = memory.span(of: UInt64.self, byteOffset: 64, count: count)
  var sum: UInt64 = 0
  for index in span.indices { sum &+= span[index] }
  return sum
}
@inline(never) package func memoryWriteSpan(_ memory: inout SharedMemory) {
  var span = memory.mutableSpan(of: UInt64.self)
  for index in span.indices { span[index] = 7 }
}
@inline(never) package func memorySumBytes(_ memory: borrowing SharedMemory) -> UInt64 {
  let bytes = memory.bytes
  var sum: UInt64 = 0
  for offset in 0..<bytes.byteCount {
    sum &+= UInt64(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
  }
  return sum
}
@inline(never) package func memoryWithBytes(_ memory: borrowing SharedMemory) -> Int {
  memory.withBytes { $0.byteCount }
}
@inline(never) package func memoryByteCount(_ memory: borrowing SharedMemory) -> Int {
  memory.byteCount
}

// MARK: - ShareableList

@inline(never) package func listInt(_ list: borrowing ShareableList, _ index: Int) throws -> Int64 {
  if case .int(let value) = try list[index] { value } else { 0 }
}
@inline(never) package func listDouble(_ list: borrowing ShareableList, _ index: Int) throws
  -> Double
{
  if case .double(let value) = try list[index] { value } else { 0 }
}
@inline(never) package func listString(_ list: borrowing ShareableList, _ index: Int) throws
  -> String
{
  if case .string(let value) = try list[index] { value } else { "" }
}
@inline(never) package func listSetInt(_ list: inout ShareableList, _ new: Int64) throws {
  try list.set(.int(new), at: 0)
}
@inline(never) package func listSetDouble(_ list: inout ShareableList, _ new: Double) throws {
  try list.set(.double(new), at: 1)
}
@inline(never) package func listSetString(_ list: inout ShareableList, _ new: String) throws {
  try list.set(.string(new), at: 2)
}
@inline(never) package func listCount(_ list: borrowing ShareableList) -> Int { list.count }
@inline(never) package func listCapacity(_ list: borrowing ShareableList) -> Int {
  list.capacity(at: 0)
}

// MARK: - Locks and signals

@inline(never) package func mutexLock(_ mutex: SharedMutex<UInt64>) throws {
  try mutex.withLock { $0 += 1 }
}
@inline(never) package func mutexTryLock(_ mutex: SharedMutex<UInt64>) throws -> Bool {
  try mutex.tryWithLock { $0 += 1 } != nil
}
@inline(never) package func mutexLock64(_ mutex: SharedMutex<Eight>) throws -> UInt64 {
  try mutex.withLock { (value: inout Eight) in
    value.words[3] += 1
    return value.words[0]
  }
}
@inline(never) package func mutexLockUntil(_ mutex: SharedMutex<UInt64>) throws {
  try mutex.withLock(until: { $0 > 0 }) { $0 += 1 }
}
@inline(never) package func mutexLockRecovering(_ mutex: SharedMutex<UInt64>) throws {
  try mutex.withLock(recovering: { $0 = 0 }) { $0 += 1 }
}
@inline(never) package func readLock(_ lock: SharedReadWriteLock<UInt64>) throws -> UInt64 {
  try lock.withReadLock { $0 }
}
@inline(never) package func writeLock(_ lock: SharedReadWriteLock<UInt64>) throws {
  try lock.withWriteLock { $0 += 1 }
}
@inline(never) package func tryReadLock(_ lock: SharedReadWriteLock<UInt64>) throws -> UInt64? {
  try lock.tryWithReadLock { $0 }
}
@inline(never) package func tryWriteLock(_ lock: SharedReadWriteLock<UInt64>) throws -> Bool {
  try lock.tryWithWriteLock { $0 += 1 } != nil
}
@inline(never) package func semaphoreAcquire(_ semaphore: SharedSemaphore) throws {
  let permit = try semaphore.acquire()
  permit.release()
}
@inline(never) package func semaphoreTryAcquire(_ semaphore: SharedSemaphore) throws -> Bool {
  if let permit = try semaphore.tryAcquire() {
    permit.release()
    return true
  }
  return false
}
@inline(never) package func semaphoreAvailable(_ semaphore: SharedSemaphore) -> Int {
  semaphore.availableCount
}
@inline(never) package func semaphoreCount(_ semaphore: SharedSemaphore) -> Int {
  semaphore.permitCount
}
@inline(never) package func eventIsSet(_ event: SharedEvent) -> Bool { event.isSet }
@inline(never) package func eventGeneration(_ event: SharedEvent) -> UInt32 { event.generation }
@inline(never) package func eventSet(_ event: SharedEvent) { event.set() }
@inline(never) package func eventPulse(_ event: SharedEvent) { event.pulse() }
@inline(never) package func eventReset(_ event: SharedEvent) { event.reset() }
@inline(never) package func eventWait(_ event: SharedEvent) throws { try event.wait() }
@inline(never) package func barrierPartyCount(_ barrier: SharedBarrier) -> Int {
  barrier.partyCount
}
@inline(never) package func barrierArrivedCount(_ barrier: SharedBarrier) -> Int {
  barrier.arrivedCount
}
@inline(never) package func barrierIsBroken(_ barrier: SharedBarrier) -> Bool { barrier.isBroken }
