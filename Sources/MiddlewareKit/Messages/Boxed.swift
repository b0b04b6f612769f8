/// A value behind a reference: a copy costs the same however large the value is, and a change makes a new box. For what is copied
/// at every step of its way, and seldom changed.
struct Boxed<Value: Sendable>: Sendable {
    private var box: Box

    init(_ value: Value) { box = Box(value) }

    var value: Value {
        get { box.value }
        set { box = Box(newValue) }
    }

    private final class Box: Sendable {
        let value: Value

        init(_ value: Value) { self.value = value }
    }
}
