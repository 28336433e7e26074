import GRPCNIOTransportHTTP2Posix
import NIOCore

/// Closes connections below TLS 1.3, which the transport itself would accept.
///
/// Stands between the socket and the TLS handler. The server's first bytes follow from the version that it has settled on, so
/// looking at their time is neither too early nor too late.
final class CurrentTLS: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer

  private var isChecked = false

  static let install: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
    channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(CurrentTLS(), position: .first)
    }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if !isChecked {
      let version = try? context.pipeline.syncOperations.nioSSL_tlsVersion()
      guard version == .tlsv13 else {
        promise?.fail(ChannelError.ioOnClosedChannel)
        context.close(promise: nil)
        return
      }
      isChecked = true
    }
    context.write(data, promise: promise)
  }
}
