import Testing

/// The built executable as its people use it: real processes over loopback, each with a home of its own.
///
/// One test at a time, since they share the coordinator's port and the machine.
@Suite("End to end", .serialized, .enrolled)
enum EndToEnd {}
