/// A value behind a reference: a copy costs the same however large the value is. For what is copied at every step of its way, and
/// seldom changed.
struct Boxed<Value: Sendable>: Sendable {
    private var box: Box

    init(_ value: Value) { box = Box(value) }

    var value: Value {
        get { box.value }
        _modify {
            if !isKnownUniquelyReferenced(&box) { box = Box(box.value) }
            yield &box.value
        }
    }

    /// Unchecked, as an array's storage is: it changes only while nobody else has a reference to it.
    private final class Box: @unchecked Sendable {
        var value: Value

        init(_ value: Value) { self.value = value }
    }
}
