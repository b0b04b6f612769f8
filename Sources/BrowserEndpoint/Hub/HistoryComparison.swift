/// A look at what a gateway has of a session, while it is under way. Lives on the hub's event loop.
final class HistoryComparison {
    /// Somebody has begun to ask.
    var isUnderWay = false
    /// Something was said that may not be in the answer to it.
    var isOutdated = false
    /// Those who watch the session are shown what is new.
    var isShown = false
    /// Readers whose page is to have what is new.
    var waiters = Waiters()
}
